"""Settings from the environment and from a file."""

from pathlib import Path

import pytest

from tocsin_contracts.media_topics import TOPIC_NAMES, find_topic, topic_slug
from tocsin_contracts.settings import KafkaSettings, RedisSettings, load_settings
from tocsin_contracts.topics import TOPICS

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "TOPIC_PREFIX", "TOPIC_PARTITIONS", "CONFIG_FILE", "REDIS_URL"):
        monkeypatch.delenv(f"TOCSIN_{name}", raising=False)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text('kafka_bootstrap_servers = "file:1"\ntopic_prefix = "file."\n', encoding="utf-8")
    monkeypatch.setenv("TOCSIN_CONFIG_FILE", str(file))
    monkeypatch.setenv("TOCSIN_TOPIC_PREFIX", "env.")
    settings = load_settings(KafkaSettings)
    assert (settings.kafka_bootstrap_servers, settings.topic_prefix) == ("file:1", "env.")


def test_a_wrong_setting_ends_the_process_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_TOPIC_PARTITIONS", "many")
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "no port")
    with pytest.raises(SystemExit) as caught:
        load_settings(KafkaSettings)
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "TOCSIN_TOPIC_PARTITIONS"]


def test_a_broken_file_ends_the_process_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tocsin.toml"
    file.write_text("= nonsense", encoding="utf-8")
    monkeypatch.setenv("TOCSIN_CONFIG_FILE", str(file))
    with pytest.raises(SystemExit) as caught:
        load_settings(KafkaSettings)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("TOCSIN_CONFIG_FILE:")


def test_the_redis_url_with_its_password_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://:hunter2@localhost/0")
    assert "hunter2" not in repr(RedisSettings())


def test_topic_names_are_unique_and_take_the_prefix() -> None:
    names = [topic.full_name("demo.") for topic in TOPICS]
    assert names == ["demo.articles", "demo.classified", "demo.alerts", "demo.dead-letters"]


@pytest.mark.parametrize("code", TOPIC_NAMES)
def test_a_media_topic_is_found_by_code_name_and_slug(code: str) -> None:
    assert find_topic(code) == find_topic(TOPIC_NAMES[code].upper()) == find_topic(topic_slug(code)) == code


def test_an_unknown_media_topic_is_not_found() -> None:
    assert find_topic("medtop:99999999") is None
