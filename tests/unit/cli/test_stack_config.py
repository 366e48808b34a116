"""What `tocsin up` is told by its environment, and what it tells its services."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tocsin_cli.stack.config import DEFAULT_PORTS, PARTS, PORT_SETTINGS, StackConfig, StackSettings, parse_parts
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import without_password
from tocsin_cli.stack.services import service_environment

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "TOCSIN_REDIS_URL", "TOCSIN_CONFIG_FILE", *PORT_SETTINGS.values()):
        monkeypatch.delenv(name, raising=False)


def test_ports_come_from_the_settings_that_the_errors_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert StackSettings().config().ports == DEFAULT_PORTS
    for number, name in enumerate(PORT_SETTINGS.values(), start=20_000):
        monkeypatch.setenv(name, str(number))
    assert StackSettings().config().ports == {part: number for number, part in enumerate(PORT_SETTINGS, start=20_000)}


def test_directories_are_absolute_and_may_name_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_STATE_DIR", "~/here")
    monkeypatch.setenv("TOCSIN_CACHE_DIR", "there")
    config = StackSettings().config()
    assert config.state_directory == Path.home() / "here"
    assert config.cache_directory == Path.cwd() / "there"


def test_existing_servers_are_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://:secret@redis.example/0")
    config = StackSettings().config()
    assert config.kafka_bootstrap_servers == "kafka.example:9092"
    assert config.redis_url == "redis://:secret@redis.example/0"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOCSIN_KAFKA_PORT", "70000"),
        ("TOCSIN_REDIS_PORT", "none"),
        ("TOCSIN_KAFKA_HEAP", "1g -Dx=y"),
        ("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "nowhere"),
    ],
)
def test_wrong_settings_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        StackSettings()


def test_parts_are_put_into_starting_order() -> None:
    assert parse_parts(None) == PARTS
    assert parse_parts("Redis, kafka,") == ("kafka", "redis")


@pytest.mark.parametrize("text", ["kafka,zookeeper", "", ","])
def test_unknown_parts_are_refused_with_the_list_of_known_ones(text: str) -> None:
    with pytest.raises(StackError, match="kafka, redis, ingest, classify, alert") as caught:
        parse_parts(text)
    assert caught.value.exit_code == 2


def environment_of(config: StackConfig, name: str) -> dict[str, str]:
    return service_environment(
        name,
        config,
        kafka_bootstrap_servers="127.0.0.1:1",
        redis_url="redis://127.0.0.1:2/0",
        ports=dict.fromkeys(PORT_SETTINGS, 3),
        port_settings=PORT_SETTINGS,
    )


def test_service_is_told_where_its_servers_are_and_binds_to_loopback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_CLASSIFY_HEALTH_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("TOCSIN_RULES_FILE", "rules.yaml")
    environment = environment_of(StackConfig(tmp_path, tmp_path), "classify")
    assert environment["TOCSIN_KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:1"
    assert environment["TOCSIN_REDIS_URL"] == "redis://127.0.0.1:2/0"
    assert environment["TOCSIN_CLASSIFY_HEALTH_PORT"] == "3"
    assert environment["TOCSIN_CLASSIFY_HEALTH_HOST"] == "127.0.0.1"
    assert environment["TOCSIN_RULES_FILE"] == "rules.yaml"


def test_isolated_stack_shares_neither_ports_nor_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_RULES_FILE", "rules.yaml")
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
    config = StackConfig.isolated(
        tmp_path,
        environment={"TOCSIN_LOG_LEVEL": "debug", "TOCSIN_X": "all"},
        service_environment={"alert": {"TOCSIN_X": "alert"}},
    )
    assert set(config.ports.values()) == {0}
    assert config.kafka_bootstrap_servers is None
    assert "TOCSIN_RULES_FILE" not in environment_of(config, "alert")
    assert environment_of(config, "alert")["TOCSIN_X"] == "alert"
    assert environment_of(config, "ingest")["TOCSIN_X"] == "all"
    assert environment_of(config, "ingest")["TOCSIN_LOG_LEVEL"] == "debug"
    assert "PATH" in environment_of(config, "ingest")


def test_password_of_an_existing_server_is_not_shown() -> None:
    assert without_password("redis://user:secret@host:6379/0") == "redis://user:***@host:6379/0"
    assert without_password("redis://:secret@host/0") == "redis://:***@host/0"
    assert without_password("redis://host:6379/0") == "redis://host:6379/0"
