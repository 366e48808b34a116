"""A local stack in this process's care: `with LocalStack(config) as stack: …` gives running servers and services.

`tocsin up`, the demo and the tests all start their stacks here.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from tocsin_cli.stack.config import INFRASTRUCTURE, PORT_SETTINGS, SERVICES, StackConfig
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.java import find_java
from tocsin_cli.stack.kafka_jars import find_lock, kafka_jars
from tocsin_cli.stack.kafka_server import (
    KafkaInstallation,
    format_storage,
    kafka_command,
    kafka_home_jars,
    write_properties,
)
from tocsin_cli.stack.ports import LOOPBACK, WantedPort, free_ports, require_free
from tocsin_cli.stack.processes import identify, is_alive, kill_group, stop_process
from tocsin_cli.stack.readiness import Probe, http_probe, kafka_probe, redis_probe
from tocsin_cli.stack.redis_server import find_redis_server, redis_command, redis_url
from tocsin_cli.stack.services import require_service, service_command, service_environment
from tocsin_cli.stack.state_directory import (
    PartRecord,
    PartState,
    StackRecord,
    StackState,
    StateDirectory,
    tail,
)
from tocsin_cli.stack.supervisor import PartSpec, SupervisedPart
from tocsin_contracts.settings import KafkaSettings

Report = Callable[[str], None]

EXIT_BAD_SETTINGS: Final = 2
DEATHS_TO_GIVE_UP: Final = 3
"""A service that dies this often before it was ever ready will not become so by itself."""
LEFTOVER_PATIENCE_S: Final = 5.0


def _silent(_: str) -> None:
    """Report nothing."""


class LocalStack:
    """Kafka, Redis and the services of one StackConfig.

    Not for use by two threads at once, except that `record()` and `kill_all()` may be called from anywhere.
    """

    def __init__(
        self, config: StackConfig, *, report: Report = _silent, on_change: Callable[[StackRecord], None] | None = None
    ) -> None:
        self.config = config
        self.directory = StateDirectory(config.state_directory)
        self.ports = dict(config.ports)
        self._report = report
        self._on_change = on_change
        self._resources = ExitStack()
        self._parts: dict[str, SupervisedPart] = {}
        self._external: dict[str, str] = {}
        self._state = StackState.STOPPED
        self._message = ""
        self._launcher = identify(os.getpid())
        self._changed = threading.Condition()
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kafka_bootstrap_servers(self) -> str:
        """Where Kafka answers."""
        return self.config.kafka_bootstrap_servers or f"{LOOPBACK}:{self.ports['kafka']}"

    @property
    def redis_url(self) -> str:
        """Where Redis answers, with the password when an existing server's URL has one."""
        return self.config.redis_url or redis_url(self.ports["redis"])

    @property
    def ingest_url(self) -> str:
        """Where ingest's API answers."""
        return service_url(self.ports["ingest"])

    def start(self) -> StackRecord:
        """Start every part and return when all of them answer.

        Raises StackError that says what to do; nothing is left running then.
        """
        self._resources.enter_context(self.directory.locked())
        try:
            end_leftovers(self.directory)
            self._state = StackState.STARTING
            self._choose_ports()
            self._start_servers()
            self._prepare_topics()
            self._start_services()
        except BaseException as error:
            self._fail(error)
            raise
        self._state = StackState.READY
        self._say("ready")
        return self.record()

    def stop(self, *, patience_s: float | None = None) -> None:
        """Stop services, then servers, and return when all are gone; each gets its patience, or `patience_s`."""
        if self._state in (StackState.STOPPED, StackState.FAILED):
            return
        self._state = StackState.STOPPING
        self._say("stopping")
        self._stop_parts(patience_s)
        self._state = StackState.STOPPED
        self.directory.write(self.record().stopped())
        self._notify(self.record().stopped())
        self._resources.close()

    def record(self) -> StackRecord:
        """Return what every part is doing now."""
        parts = {name: PartRecord(PartState.EXTERNAL, address) for name, address in self._external.items()}
        parts |= {name: part.record() for name, part in self._parts.copy().items()}
        state = self._state
        if state is StackState.READY and any(
            part.state not in (PartState.READY, PartState.EXTERNAL) for part in parts.values()
        ):
            state = StackState.DEGRADED
        return StackRecord(state=state, launcher=self._launcher, message=self._message, parts=parts)

    def pid(self, name: str) -> int | None:
        """Return the process id of a part; None while it does not run."""
        process = self._parts[name].record().process
        return process.pid if process else None

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a part, as a crash or an operator would, and return when its process has ended.

        It is started again then: `wait_ready` waits for that. Raises StackError when it does not end in 30 seconds.
        """
        pid = self.pid(name)
        if pid is None:
            return
        os.kill(pid, number)
        self._wait_until(lambda: self.pid(name) != pid, 30.0, f"{name} did not end")

    def kill_all(self) -> None:
        """Kill every part at once; for a second Ctrl-C."""
        for name, part in self._parts.items():
            part.ask_to_stop()
            pid = self.pid(name)
            if pid is not None:
                kill_group(pid)

    def stop_part(self, name: str) -> None:
        """Stop one part and leave it stopped until `start_part`."""
        self._parts[name].stop()

    def start_part(self, name: str) -> None:
        """Start a stopped part again, on the same port and data, and return when it answers."""
        self._supervise(self._parts[name].spec)
        self._wait_for([name])

    def wait_ready(self, name: str, timeout_s: float = 60.0) -> None:
        """Return when a part answers, such as after `kill`.

        Raises StackError when it does not within `timeout_s`.
        """
        self._wait_until(
            lambda: self._parts[name].record().state is PartState.READY,
            timeout_s,
            f"{name} is not ready after {timeout_s:.0f} s",
        )

    def _wait_until(self, reached: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        with self._changed:
            if not self._changed.wait_for(reached, timeout_s):
                raise StackError(complaint)

    def _choose_ports(self) -> None:
        self.ports = dict(self.config.ports)
        zero = [name for name, port in self.ports.items() if port == 0]
        self.ports |= dict(zip(zero, free_ports(len(zero)), strict=True))
        listening = [name for name in self.config.parts if not self._is_external(name)]
        if "kafka" in listening:
            listening.append("kafka_controller")
        require_free(WantedPort(name.replace("_", " "), PORT_SETTINGS[name], self.ports[name]) for name in listening)

    def _is_external(self, name: str) -> bool:
        return (name == "kafka" and self.config.kafka_bootstrap_servers is not None) or (
            name == "redis" and self.config.redis_url is not None
        )

    def _start_servers(self) -> None:
        services = [name for name in self.config.parts if name in SERVICES]
        for name in services:
            require_service(name)
        addresses = {"kafka": self.kafka_bootstrap_servers, "redis": without_password(self.redis_url)}
        for name in INFRASTRUCTURE:
            if self._is_external(name) or (name not in self.config.parts and services):
                self._external[name] = addresses[name]
        self._say("starting")
        local = [name for name in INFRASTRUCTURE if name in self.config.parts and name not in self._external]
        # Everything is looked for before anything is started. Redis starts at once; Kafka may have to format first.
        program = find_redis_server(os.environ) if "redis" in local else None
        kafka = self._find_kafka() if "kafka" in local else None
        if program is not None:
            data = self.directory.data / "redis"
            data.mkdir(exist_ok=True)
            command = redis_command(program, port=self.ports["redis"], data_directory=data)
            self._supervise(self._server("redis", command, self.redis_url, redis_probe(self.redis_url)))
        if kafka is not None:
            data = self.directory.data / "kafka"
            format_storage(kafka, data)
            properties = self.directory.path / "server.properties"
            write_properties(
                properties,
                port=self.ports["kafka"],
                controller_port=self.ports["kafka_controller"],
                data_directory=data,
            )
            command = kafka_command(kafka, properties, heap=self.config.kafka_heap, log_directory=self.directory.logs)
            servers = self.kafka_bootstrap_servers
            self._supervise(self._server("kafka", command, servers, kafka_probe(servers)))
        self._wait_for(local)
        for name, probe in (
            ("kafka", kafka_probe(self.kafka_bootstrap_servers)),
            ("redis", redis_probe(self.redis_url)),
        ):
            if name in self._external and (problem := probe()):
                raise StackError(f"{name} at {self._external[name]}: {problem}")

    def _find_kafka(self) -> KafkaInstallation:
        java = find_java(os.environ, self._say)
        if home := os.environ.get("KAFKA_HOME"):
            from pathlib import Path

            path = Path(home).expanduser()
            return KafkaInstallation(java, kafka_home_jars(path), home=path)
        return KafkaInstallation(java, tuple(kafka_jars(find_lock(), self.config.cache_directory, self._say)))

    def _server(self, name: str, command: Iterable[str], address: str, probe: Probe) -> PartSpec:
        return PartSpec(
            name=name,
            command=tuple(command),
            environment=dict(os.environ),
            log=self.directory.open_log(name),
            address=address,
            probe=probe,
            patience_s=30.0,
        )

    def _prepare_topics(self) -> None:
        if not self.config.create_topics or not ("kafka" in self._parts or "kafka" in self._external):
            return
        from kafka.errors import KafkaError

        from tocsin_contracts.create_topics import create_topics

        self._say("creating topics")
        settings = KafkaSettings(
            kafka_bootstrap_servers=self.kafka_bootstrap_servers,
            topic_prefix=self.config.topic_prefix,
            topic_partitions=self.config.topic_partitions,
        )
        try:
            create_topics(settings, timeout_s=30)
        except KafkaError as error:
            raise StackError(f"the topics could not be created on {self.kafka_bootstrap_servers}: {error}") from error

    def _start_services(self) -> None:
        names = [name for name in self.config.parts if name in SERVICES]
        for name in names:
            spec = PartSpec(
                name=name,
                command=service_command(name),
                environment=service_environment(
                    name,
                    self.config,
                    kafka_bootstrap_servers=self.kafka_bootstrap_servers,
                    redis_url=self.redis_url,
                    ports=self.ports,
                    port_settings=PORT_SETTINGS,
                ),
                log=self.directory.open_log(name),
                address=service_url(self.ports[name]),
                probe=http_probe(self.ports[name]),
            )
            self._supervise(spec)
        self._wait_for(names)

    def _supervise(self, spec: PartSpec) -> None:
        part = SupervisedPart(spec, self._publish)
        self._parts[spec.name] = part
        part.start()

    def _wait_for(self, names: Iterable[str]) -> None:
        """Return when all of these parts answer; give up on one that dies at once or does not answer in time."""
        waiting = list(names)
        deadline = time.monotonic() + self.config.startup_timeout_s
        while True:
            waiting = [name for name in waiting if self._parts[name].record().state is not PartState.READY]
            if not waiting:
                return
            self._say("waiting for " + ", ".join(waiting))
            for name in waiting:
                self._require_hope(self._parts[name])
            if time.monotonic() >= deadline:
                raise StackError("\n".join(self._describe_late(self._parts[name]) for name in waiting))
            with self._changed:
                self._changed.wait(0.25)

    def _require_hope(self, part: SupervisedPart) -> None:
        record, name = part.record(), part.spec.name
        bad_settings = name in SERVICES and part.last_exit == EXIT_BAD_SETTINGS
        allowed = DEATHS_TO_GIVE_UP if name in SERVICES else 1
        if bad_settings or record.restarts >= allowed:
            # What it said is worth more than how it ended.
            said = tail(part.spec.log)
            raise StackError(
                f"{name} does not start: {record.detail or 'it ended'}\n{said}\n(log: {part.spec.log})",
                exit_code=EXIT_BAD_SETTINGS if bad_settings else 1,
            )

    def _describe_late(self, part: SupervisedPart) -> str:
        record = part.record()
        return (
            f"{part.spec.name} is not ready after {self.config.startup_timeout_s:.0f} s: "
            f"{record.detail or record.state} (log: {part.spec.log}; TOCSIN_STARTUP_TIMEOUT_S waits longer)"
        )

    def _stop_parts(self, patience_s: float | None) -> None:
        """Stop services before the servers that they finish their work on; each tier at once."""
        for tier in (SERVICES, INFRASTRUCTURE):
            parts = [self._parts[name] for name in tier if name in self._parts]
            for part in parts:
                part.ask_to_stop()
            for part in parts:
                part.stop(patience_s=patience_s)

    def _fail(self, error: BaseException) -> None:
        self._state = StackState.STOPPING
        self._stop_parts(None if isinstance(error, StackError) else 5.0)
        # An interruption is no failure of the stack.
        self._state = StackState.FAILED if isinstance(error, Exception) else StackState.STOPPED
        ended = replace(self.record().stopped(), state=self._state)
        if isinstance(error, Exception):
            ended = replace(
                ended,
                launcher=self._launcher,
                error=str(error) or type(error).__name__,
                exit_code=getattr(error, "exit_code", 1),
            )
        self.directory.write(ended)
        self._notify(ended)
        self._resources.close()

    def _say(self, message: str) -> None:
        if message != self._message:
            self._message = message
            self._report(message)
            self._publish()

    def _publish(self) -> None:
        with self._writing:
            record = self.record()
            if self._state not in (StackState.STOPPED, StackState.FAILED):
                self.directory.write(record)
        self._notify(record)

    def _notify(self, record: StackRecord) -> None:
        with self._changed:
            self._changed.notify_all()
        if self._on_change is not None:
            self._on_change(record)


def service_url(port: int) -> str:
    """Return the URL of a local service."""
    return f"http://{LOOPBACK}:{port}"


def without_password(url: str) -> str:
    """Return the URL as it may be shown and recorded."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def end_leftovers(directory: StateDirectory) -> list[str]:
    """End what an earlier launcher of this directory left running, and return the parts' names.

    Only for a holder of the directory's lock. A process is recognised by id and start time.
    """
    record = directory.read()
    if record is None:
        return []
    ended = []
    for name in reversed(list(record.parts)):
        process = record.parts[name].process
        if process is not None and is_alive(process):
            stop_process(process, patience_s=LEFTOVER_PATIENCE_S)
            ended.append(name)
    return ended
