"""The local Kafka: one KRaft node, broker and controller in one process, data under the state directory."""

import base64
import re
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.ports import LOOPBACK

FORMAT_TIMEOUT_S: Final = 120
DEFAULT_PORT: Final = 9092
"""Stands in the properties while storage is formatted; nothing listens then."""
MINIMUM_VERSION: Final = 4
"""The first that runs without ZooKeeper only, which the properties below presume."""

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill the only broker may not register again before its former session has timed out (9 s by default).
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# One machine, few clients: fewer partitions, threads and buffers than a cluster's defaults start faster in less memory.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=4
num.network.threads=2
num.io.threads=4
background.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=1048576
"""


@dataclass(frozen=True)
class KafkaInstallation:
    """A Java runtime with the broker's classes: the locked jars, or KAFKA_HOME's (then `home` is set)."""

    java: Path
    jars: tuple[Path, ...]
    home: Path | None = None

    def command(self, main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line that runs `main_class`."""
        class_path = ":".join(str(jar) for jar in self.jars)
        return [str(self.java), *options, "-cp", class_path, main_class, *arguments]


def kafka_home_jars(home: Path) -> tuple[Path, ...]:
    """Return the jars of the Kafka that the user named.

    Raises StackError when there is no Kafka 4 or newer in it.
    """
    jars = tuple(sorted((home / "libs").glob("*.jar")))
    for jar in jars:
        if match := re.fullmatch(r"kafka_2\.\d+-(\d+)\.[\d.]+(?:-\w+)?\.jar", jar.name):
            if int(match[1]) < MINIMUM_VERSION:
                raise StackError(
                    f"KAFKA_HOME: {home} holds {jar.stem}; Kafka {MINIMUM_VERSION} or newer is needed", exit_code=2
                )
            return jars
    raise StackError(f"KAFKA_HOME: there is no Kafka in {home} (no libs/kafka_2.13-….jar)", exit_code=2)


def write_properties(path: Path, *, port: int, controller_port: int, data_directory: Path) -> None:
    """Write server.properties; ports may differ from one start to the next, the data stays the same.

    Raises StackError for a directory whose name Kafka would take for a list.
    """
    if "," in str(data_directory):
        raise StackError(
            f"TOCSIN_STATE_DIR: Kafka cannot use a directory with a comma in it: {data_directory}", exit_code=2
        )
    text = PROPERTIES.format(
        host=LOOPBACK, port=port, controller_port=controller_port, data=escape_property(str(data_directory))
    )
    path.write_text(text, encoding="utf-8")


def escape_property(value: str) -> str:
    """Escape a value for a Java properties file: a backslash begins an escape there."""
    return value.replace("\\", "\\\\")


def format_storage(kafka: KafkaInstallation, data_directory: Path) -> None:
    """Make a data directory for KRaft; does nothing where there is one.

    Formats beside it and renames, so that an interruption leaves no half-formatted directory. Raises StackError with
    what Kafka said when it fails.
    """
    if data_directory.is_dir():
        return
    partial = data_directory.with_name(f"{data_directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    properties = partial.with_suffix(".properties")
    write_properties(properties, port=DEFAULT_PORT, controller_port=DEFAULT_PORT + 1, data_directory=partial)
    command = kafka.command(
        "kafka.tools.StorageTool",
        *("format", "-t", new_cluster_id(), "-c", str(properties)),
        options=("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx128m", *logger_options("error")),
    )
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise StackError(f"Kafka's storage could not be formatted: {error}") from error
    if result.returncode != 0:
        said = (result.stderr + result.stdout).strip()[-2_000:]
        raise StackError(f"Kafka's storage in {data_directory} could not be formatted: {said}")
    properties.unlink()
    partial.rename(data_directory)


def new_cluster_id() -> str:
    """Return a random cluster id: 128 bits as base64 for URLs. A leading dash would read as an option."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")


def kafka_command(kafka: KafkaInstallation, properties: Path, *, heap: str, log_directory: Path) -> list[str]:
    """Return the broker's command line: a small heap, and a compiler and collector that start fast on few cores."""
    options = [
        "-server",
        "-Xms96m",
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
    ]
    if kafka.home is None:
        options += logger_options("info")
    else:
        options += [
            f"-Dkafka.logs.dir={log_directory / 'kafka'}",
            f"-Dlog4j2.configurationFile={kafka.home / 'config' / 'log4j2.yaml'}",
        ]
    return kafka.command("kafka.Kafka", str(properties), options=tuple(options))


def logger_options(level: str) -> tuple[str, ...]:
    """Return the settings of slf4j-simple, the logger in the lock."""
    prefix = "-Dorg.slf4j.simpleLogger."
    return (
        f"{prefix}defaultLogLevel={level}",
        f"{prefix}showDateTime=true",
        f"{prefix}dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    )
