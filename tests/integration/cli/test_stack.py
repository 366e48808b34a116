"""`tocsin up`, `down` and `status` as real processes, with a real Kafka, a real Redis and a real service."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient
from redis import Redis

from tocsin_cli.stack.config import PORT_SETTINGS
from tocsin_cli.stack.ports import free_ports
from tocsin_cli.stack.processes import ProcessIdentity, identify, is_alive

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SERVERS = ("kafka", "redis")
PARTS = (*SERVERS, "ingest")


@dataclass(frozen=True)
class CommandLine:
    """`tocsin` with a state directory and ports of its own."""

    state_directory: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "tocsin_cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **changes},
        )

    def run(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments, **changes) as process:
            out, err = process.communicate(timeout=400)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def up(self) -> None:
        result = self.run("up", "--detach", "--only", ",".join(PARTS))
        assert result.returncode == 0, result.stderr

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return answer

    def processes(self) -> list[ProcessIdentity]:
        """Every process of the running stack, the launcher first."""
        status = self.status()
        found = [identify(pid) for pid in (status["launcher_pid"], *(part["pid"] for part in status["parts"].values()))]
        assert None not in found, status
        return [item for item in found if item is not None]


def new_command_line(state_directory: Path) -> CommandLine:
    settings = {
        name: str(port) for name, port in zip(PORT_SETTINGS.values(), free_ports(len(PORT_SETTINGS)), strict=True)
    }
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TOCSIN_")}
    cache = {key: value for key, value in os.environ.items() if key == "TOCSIN_CACHE_DIR"}
    return CommandLine(
        state_directory,
        {
            **inherited,
            **cache,
            **settings,
            "TOCSIN_STATE_DIR": str(state_directory),
            "TOCSIN_TOPIC_PARTITIONS": "1",
            "TOCSIN_STARTUP_TIMEOUT_S": "300",
        },
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """The command line of the stack that these tests share; ended whatever they did to it."""
    command_line = new_command_line(tmp_path_factory.mktemp("shared") / "state")
    yield command_line
    assert command_line.run("down", "--volumes").returncode == 0


@pytest.fixture
def tocsin(shared: CommandLine) -> CommandLine:
    """The shared stack, running."""
    shared.up()
    return shared


@pytest.fixture
def small(tmp_path: Path) -> Iterator[CommandLine]:
    """A stack of this test alone, for Redis only, which starts in an instant."""
    command_line = new_command_line(tmp_path / "state")
    yield command_line
    command_line.run("down", "--volumes")


def wait_until(reached: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.3)


def write_to_both(status: dict[str, Any], name: str) -> None:
    with Redis.from_url(status["parts"]["redis"]["address"]) as redis:
        redis.set(name, "kept")
    producer = KafkaProducer(bootstrap_servers=status["parts"]["kafka"]["address"])
    try:
        producer.send("tocsin.articles", key=name.encode(), value=b"kept").get(timeout=60)
    finally:
        producer.close()


def both_have(status: dict[str, Any], name: str) -> bool:
    with Redis.from_url(status["parts"]["redis"]["address"]) as redis:
        in_redis = redis.get(name) == b"kept"
    consumer = KafkaConsumer(
        "tocsin.articles",
        bootstrap_servers=status["parts"]["kafka"]["address"],
        auto_offset_reset="earliest",
        consumer_timeout_ms=10_000,
    )
    try:
        return in_redis and any(record.key == name.encode() and record.value == b"kept" for record in consumer)
    finally:
        consumer.close()


def test_status_tells_scripts_where_each_part_is_and_each_answers_there(tocsin: CommandLine) -> None:
    result = tocsin.run("status", "--json")
    assert result.returncode == 0
    status = json.loads(result.stdout)
    assert status["state"] == "ready"
    assert tuple(status["parts"]) == PARTS
    for part in status["parts"].values():
        assert part["state"] == "ready"
        assert identify(part["pid"]) is not None
        assert Path(part["log"]).stat().st_size > 0
    admin = KafkaAdminClient(bootstrap_servers=status["parts"]["kafka"]["address"])
    try:
        assert {"tocsin.articles", "tocsin.classified", "tocsin.alerts", "tocsin.dead-letters"} <= set(
            admin.list_topics()
        )
    finally:
        admin.close()
    with Redis.from_url(status["parts"]["redis"]["address"]) as redis:
        assert redis.config_get("append*")["appendfsync"] == "always"
        assert redis.config_get("appendonly")["appendonly"] == "yes"
    assert httpx.get(status["parts"]["ingest"]["address"] + "/readyz").status_code == 200


def test_status_for_people_is_a_table(tocsin: CommandLine) -> None:
    result = tocsin.run("status", COLUMNS="200")
    assert result.returncode == 0
    for name in PARTS:
        assert any(line.startswith(name) and " ready " in line for line in result.stdout.splitlines())


def test_up_again_leaves_a_running_stack_as_it_is(tocsin: CommandLine) -> None:
    before = tocsin.processes()
    tocsin.up()
    assert tocsin.processes() == before
    refused = tocsin.run("up", "--only", "redis")
    assert refused.returncode == 1
    assert "already runs" in refused.stderr


def test_taken_port_is_named_with_its_setting_before_anything_starts(tocsin: CommandLine, small: CommandLine) -> None:
    redis = tocsin.status()["parts"]["redis"]
    port = redis["address"].rpartition(":")[2].partition("/")[0]
    for way in (("up",), ("up", "--detach")):
        result = small.run(*way, "--only", "kafka,redis", TOCSIN_REDIS_PORT=port)
        assert result.returncode == 1
        assert f"port {port} (redis) is taken" in result.stderr
        assert f"pid {redis['pid']}" in result.stderr
        assert "TOCSIN_REDIS_PORT" in result.stderr
        assert "Traceback" not in result.stderr
    assert not (small.state_directory / "data" / "kafka").exists()


def test_killed_service_is_started_again_and_counted(tocsin: CommandLine) -> None:
    before = tocsin.status()["parts"]["ingest"]
    os.kill(before["pid"], signal.SIGKILL)

    def is_back() -> bool:
        now = tocsin.status()["parts"]["ingest"]
        return bool(now["state"] == "ready" and now["pid"] != before["pid"])

    wait_until(is_back, 120)
    assert tocsin.status()["parts"]["ingest"]["restarts"] == before["restarts"] + 1


def test_killed_launcher_leaves_no_process_and_loses_no_data(tocsin: CommandLine) -> None:
    write_to_both(tocsin.status(), "crash")
    launcher, *parts = tocsin.processes()
    os.kill(launcher.pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(part) for part in parts), 10)
    result = tocsin.run("status")
    assert result.returncode == 1
    assert "stopped" in result.stdout
    tocsin.up()
    assert both_have(tocsin.status(), "crash")


def test_down_leaves_no_process_and_keeps_the_data_until_volumes_are_removed(tocsin: CommandLine) -> None:
    write_to_both(tocsin.status(), "rest")
    processes = tocsin.processes()
    assert tocsin.run("down").returncode == 0
    assert not any(is_alive(process) for process in processes)
    assert tocsin.status()["state"] == "stopped"
    tocsin.up()
    assert both_have(tocsin.status(), "rest")
    assert tocsin.run("down", "--volumes").returncode == 0
    assert not (tocsin.state_directory / "data").exists()
    assert (tocsin.state_directory / "logs" / "kafka.log").exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signal_to_the_foreground_ends_everything(small: CommandLine, number: int, code: int) -> None:
    with small.start("up", "--only", "redis") as process:
        wait_until(lambda: small.status()["state"] == "ready", 60)
        parts = small.processes()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert not any(is_alive(part) for part in parts)


def test_existing_server_is_used_and_never_stopped(small: CommandLine, redis_url: str) -> None:
    settings = {"TOCSIN_REDIS_URL": redis_url}
    assert small.run("up", "--detach", "--only", "redis", **settings).returncode == 0
    result = small.run("status", "--json", **settings)
    assert result.returncode == 0
    redis = json.loads(result.stdout)["parts"]["redis"]
    assert (redis["state"], redis["pid"], redis["log"]) == ("external", None, None)
    assert small.run("down", **settings).returncode == 0
    with Redis.from_url(redis_url) as client:
        assert client.ping()


def test_existing_server_that_does_not_answer_is_an_error_that_names_it(small: CommandLine) -> None:
    url = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    result = small.run("up", "--detach", "--only", "redis", TOCSIN_REDIS_URL=url)
    assert result.returncode == 1
    assert url in result.stderr


def test_part_that_cannot_start_is_explained_with_its_last_words(small: CommandLine) -> None:
    # A file where Redis wants a directory for its log of writes.
    blocked = small.state_directory / "data" / "redis"
    blocked.mkdir(parents=True)
    (blocked / "appendonly.aof").mkdir()
    (blocked / "appendonlydir").write_text("in the way")
    result = small.run("up", "--detach", "--only", "redis")
    assert result.returncode == 1
    assert "redis does not start" in result.stderr
    assert "redis.log" in result.stderr
    assert small.run("status").returncode == 1
