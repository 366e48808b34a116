"""The deployment, started for real: a pushed article reaches a subscriber, also after crashes and with more workers.

Needs a Docker engine with Compose v2; whatever is missing is a failure, not a skip. Base images that neither are there
nor can be pulled are stood in for (tests/deploy/standins), which needs root and debootstrap.
"""

import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import redis

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
MAKE_IMAGES = ROOT / "tests/deploy/standins/make_missing_images.py"
SERVICES = ("ingest", "classify", "alert")
SERVERS = ("kafka", "valkey")

# One story is enough, whatever the model says about it: this is a test of the deployment, not of the model.
RULES = """\
version: 1
rules:
  - name: any-story
    group_by: place
    filters: {include_abstained: true}
    window: 24h
    fire_when: {stories: 1, level: 0}
    resolve_when: {hold: 12h}
"""

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(3_600)]


@dataclass
class Deployment:
    """One Compose project of its own: name, secrets and ports."""

    folder: Path
    project: str = field(default_factory=lambda: f"tocsin-test-{uuid.uuid4().hex[:8]}")
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    redis_password: str = field(default_factory=lambda: secrets.token_hex(32))
    subscriber_password: str = field(default_factory=lambda: secrets.token_hex(32))
    ingest_port: int = field(default_factory=lambda: free_port())
    redis_port: int = field(default_factory=lambda: free_port())

    def write_files(self) -> None:
        """Write the operator's files: secrets and ports, and rules."""
        rules = self.folder / "rules"
        rules.mkdir()
        (rules / "test.yaml").write_text(RULES, encoding="utf-8")
        for path in (self.folder, rules):
            path.chmod(0o755)
        settings = {
            "TOCSIN_INGEST_TOKEN": self.token,
            "TOCSIN_REDIS_PASSWORD": self.redis_password,
            "TOCSIN_SUBSCRIBER_PASSWORD": self.subscriber_password,
            "TOCSIN_INGEST_PUBLISHED_PORT": self.ingest_port,
            "TOCSIN_REDIS_PUBLISHED_PORT": self.redis_port,
            "TOCSIN_RULES_DIR": rules,
            "TOCSIN_RULES_FILE": "/etc/tocsin/rules/test.yaml",
            "TOCSIN_VERSION": "deploy-test",
        }
        lines = [f"{name}={value}" for name, value in settings.items()]
        (self.folder / "env").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def compose(self, *arguments: str, timeout_s: float = 600) -> str:
        """Run `docker compose` and return what it printed; fail with what it said when it fails."""
        files = ("-f", "docker-compose.yml", "-f", "deploy/compose/publish-redis.yml")
        command = ["docker", "compose", "-p", self.project, "--env-file", str(self.folder / "env"), *files, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=timeout_s, check=False
        )
        if done.returncode != 0:
            pytest.fail(f"docker compose {' '.join(arguments)}: {done.stderr[-4_000:]}")
        return done.stdout

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Return what the engine knows of the containers that exist."""
        ids = self.compose("ps", "--all", "--quiet", *([service] if service else [])).split()
        found = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
        return list(json.loads(found.stdout))

    def post(self, body: object, *, token: str | None) -> tuple[int, dict[str, Any]]:
        """Push to ingest; return the status and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ingest_port, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request("POST", "/v1/articles", json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def push(self, title: str) -> str:
        """Push one article and return its id."""
        article = {
            "title": title,
            "text": f"{title}. Soldiers and rebels fought for hours, several people were killed, officials said.",
            "url": f"https://courier.example/{uuid.uuid4().hex}",
            "source": {"name": "Courier", "domain": "courier.example"},
        }
        status, answer = self.post(article, token=self.token)
        assert status == 202, answer
        return str(answer["articles"][0]["article_id"])

    def subscriber(self) -> redis.Redis:
        """Return a client with the user that may only read alerts."""
        return redis.Redis(
            host="127.0.0.1",
            port=self.redis_port,
            username="subscriber",
            password=self.subscriber_password,
            decode_responses=True,
        )

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert on the stream, as the subscriber reads it."""
        with self.subscriber() as client:
            entries: Any = client.xrange("tocsin:alerts")
        return [json.loads(fields["data"]) for _, fields in entries]

    def alert_about(self, article_id: str) -> dict[str, Any]:
        """Wait for the alert that names the article as evidence."""

        def find() -> dict[str, Any] | None:
            for alert in self.alerts():
                if any(item["article_id"] == article_id for item in alert["evidence"]):
                    return alert
            return None

        return wait_for(find, f"an alert about {article_id}")


def clean_environment() -> dict[str, str]:
    """Return our environment without what would reach into the deployment; Compose builds through BuildKit."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "COMPOSE_"))}
    return kept | {"COMPOSE_BAKE": "false", "DOCKER_BUILDKIT": "1"}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(probe: Callable[[], T | None], what: str, *, timeout_s: float = 180) -> T:
    """Return the probe's first answer; its connection errors count as none yet."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if (found := probe()) is not None:
                return found
        except (OSError, redis.RedisError, http.client.HTTPException):
            pass
        if time.monotonic() > deadline:
            pytest.fail(f"after {timeout_s:.0f} s there is still not {what}")
        time.sleep(0.5)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The whole deployment, up and healthy; taken down with its volumes afterwards."""
    for command in (["docker", "version"], ["docker", "compose", "version"]):
        try:
            subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.fail(f"{' '.join(command)} does not work, and this test needs it: {error}")
    subprocess.run([sys.executable, MAKE_IMAGES], cwd=ROOT, timeout=1_800, check=True)
    one = Deployment(tmp_path_factory.mktemp("deployment"))
    one.write_files()
    try:
        one.compose("build", timeout_s=2_400)
        one.compose("up", "-d", "--wait", "--wait-timeout", "300")
        yield one
    finally:
        logs = one.compose("logs", "--no-color", "--tail", "40")
        print(f"{one.compose('ps', '--all')}\n{logs}", file=sys.stderr)
        one.compose("down", "--volumes", "--timeout", "30")


def test_a_push_needs_the_token(deployment: Deployment) -> None:
    for token in (None, "0" * 64):
        status, _ = deployment.post({"title": "No token"}, token=token)
        assert status == 401


def test_a_pushed_article_reaches_a_subscriber_on_the_stream_and_on_the_channel(deployment: Deployment) -> None:
    with deployment.subscriber() as client, client.pubsub(ignore_subscribe_messages=True) as channel:
        channel.subscribe("tocsin:alerts:place:SD")
        channel.get_message(timeout=1)
        article_id = deployment.push("Fighting spreads in Sudan as militia takes a town")
        alert = deployment.alert_about(article_id)
        heard = wait_for(lambda: channel.get_message(timeout=1), "a message on the channel")
    assert alert["status"] == "firing"
    assert alert["rule"]["name"] == "any-story"
    assert json.loads(heard["data"])["alert"]["alert_id"] == alert["alert_id"]


def test_a_subscriber_can_write_nothing_and_read_nothing_else(deployment: Deployment) -> None:
    with deployment.subscriber() as client:
        forbidden: list[Callable[[], object]] = [
            lambda: client.xadd("tocsin:alerts", {"data": "{}"}),
            lambda: client.publish("tocsin:alerts", "{}"),
            lambda: client.get("tocsin:seen:x"),
            lambda: client.xrange("tocsin:other"),
            lambda: client.delete("tocsin:alerts"),
            lambda: client.config_get("*"),
            lambda: client.acl_list(),
            lambda: client.client_list(),
            lambda: client.eval("return 1", 0),
            lambda: client.flushall(),
        ]
        for attempt in forbidden:
            with pytest.raises(redis.exceptions.NoPermissionError):
                attempt()


def test_valkey_answers_nobody_without_a_password(deployment: Deployment) -> None:
    with (
        redis.Redis(host="127.0.0.1", port=deployment.redis_port) as client,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        client.ping()


def test_containers_are_confined(deployment: Deployment) -> None:
    containers = deployment.containers()
    assert len(containers) == len(SERVICES) + len(SERVERS) + 1
    for container in containers:
        name, config, host = container["Name"], container["Config"], container["HostConfig"]
        assert config["User"].split(":")[0].isdigit(), name
        assert config["User"] != "0:0", name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), name
        assert host["Memory"] > 0, name
        assert host["LogConfig"]["Config"]["max-size"], name
    for service in SERVICES:
        script = "touch /opt/tocsin/x 2>/dev/null || touch /x 2>/dev/null; id -u; touch /tmp/x && echo writes-tmp-only"
        assert deployment.compose("exec", "-T", service, "sh", "-c", script).split() == ["10001", "writes-tmp-only"]


def test_only_ingest_and_what_the_operator_adds_is_published_and_on_loopback(deployment: Deployment) -> None:
    published = {
        container["Config"]["Labels"]["com.docker.compose.service"]: binding[0]["HostIp"]
        for container in deployment.containers()
        for binding in container["NetworkSettings"]["Ports"].values()
        if binding
    }
    assert published == {"ingest": "127.0.0.1", "valkey": "127.0.0.1"}


def test_classify_and_the_servers_have_no_way_out(deployment: Deployment) -> None:
    networks = {
        container["Config"]["Labels"]["com.docker.compose.service"]: set(container["NetworkSettings"]["Networks"])
        for container in deployment.containers()
    }
    prefix = deployment.project
    assert networks["classify"] == networks["kafka"] == {f"{prefix}_kafka"}
    assert networks["alert"] == {f"{prefix}_kafka", f"{prefix}_redis"}
    for network in (f"{prefix}_kafka", f"{prefix}_redis"):
        found = subprocess.run(["docker", "network", "inspect", network], capture_output=True, text=True, check=True)
        assert json.loads(found.stdout)[0]["Internal"]


def test_whatever_crashes_comes_back_and_nothing_is_lost_or_doubled(deployment: Deployment) -> None:
    before = deployment.alerts()
    for service in (*SERVICES, *SERVERS):
        # From inside, to all processes: the engine takes it for a crash, where `docker kill` would be the operator's.
        (container,) = deployment.containers(service)
        script = ["exec", container["Id"], "sh", "-c", "kill -9 -1"]
        subprocess.run(["docker", *script], capture_output=True, timeout=60, check=False)

    def all_restarted() -> bool | None:
        containers = [deployment.containers(service)[0] for service in (*SERVICES, *SERVERS)]
        good = [
            container["RestartCount"] >= 1 and container["State"]["Health"]["Status"] == "healthy"
            for container in containers
        ]
        return all(good) or None

    wait_for(all_restarted, "every container restarted and healthy", timeout_s=300)
    article_id = deployment.push("Clashes in Yemen leave several dead near the port")
    assert deployment.alert_about(article_id)["status"] == "firing"
    after = deployment.alerts()
    assert after[: len(before)] == before
    revisions = [(alert["alert_id"], alert["revision"]) for alert in after]
    assert len(revisions) == len(set(revisions))


def test_more_workers_share_the_partitions(deployment: Deployment) -> None:
    deployment.compose("up", "-d", "--wait", "--wait-timeout", "300", "--no-recreate", "--scale", "classify=3")
    containers = deployment.containers("classify")
    assert [container["State"]["Health"]["Status"] for container in containers] == ["healthy"] * 3
    articles = [deployment.push(f"Army and insurgents fight in {place}") for place in ("Mali", "Somalia", "Haiti")]
    for article_id in articles:
        assert deployment.alert_about(article_id)["status"] == "firing"


def test_kafka_and_valkey_are_published_only_when_the_operator_adds_their_files_and_then_on_loopback(
    tmp_path: Path,
) -> None:
    env = tmp_path / "env"
    names = ("TOCSIN_INGEST_TOKEN", "TOCSIN_REDIS_PASSWORD", "TOCSIN_SUBSCRIBER_PASSWORD")
    env.write_text("".join(f"{name}={secrets.token_hex(32)}\n" for name in names), encoding="utf-8")
    published = {}
    for files in (
        ("docker-compose.yml",),
        ("docker-compose.yml", "deploy/compose/publish-kafka.yml", "deploy/compose/publish-redis.yml"),
    ):
        flags = [part for file in files for part in ("-f", file)]
        command = ["docker", "compose", "--env-file", str(env), *flags, "config", "--format", "json"]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=True
        )
        published[len(files)] = {
            name: [port["host_ip"] for port in service["ports"]]
            for name, service in json.loads(done.stdout)["services"].items()
            if service.get("ports")
        }
    assert published[1] == {"ingest": ["127.0.0.1"]}
    assert published[3] == {name: ["127.0.0.1"] for name in ("ingest", "kafka", "valkey")}


def test_nothing_starts_without_a_secret(tmp_path: Path) -> None:
    for missing in ("TOCSIN_INGEST_TOKEN", "TOCSIN_REDIS_PASSWORD"):
        names = {"TOCSIN_INGEST_TOKEN", "TOCSIN_REDIS_PASSWORD"} - {missing}
        env = tmp_path / missing
        env.write_text("".join(f"{name}={secrets.token_hex(32)}\n" for name in names), encoding="utf-8")
        command = ["docker", "compose", "--env-file", str(env), "config", "--quiet"]
        done = subprocess.run(
            command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode != 0
        assert missing in done.stderr
        assert "set it in .env" in done.stderr
