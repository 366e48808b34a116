"""Services under test as processes of their own, which do not outlive their test."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Service:
    """A started service: its process, the port of its health pages, and the file with its log."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def health(self, page: str) -> tuple[int, dict[str, Any]]:
        """Return status and facts of `livez` or `readyz`; 0 and none while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{page}", timeout=2) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return 0, {}

    def is_ready(self) -> bool:
        """Return whether it says so."""
        return self.health("readyz")[0] == 200

    def stop(self, number: signal.Signals, within_s: float = 15) -> int:
        """Send the signal and return the exit code. Raises TimeoutExpired when it does not end within the time."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


class Processes:
    """Starts Python programs and, at the end, kills what still runs."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.started: list[Service] = []

    def start(self, *arguments: str, port_variable: str, environment: dict[str, str]) -> Service:
        """Start Python with `arguments`; the variable named `port_variable` tells it the port of its health pages."""
        port = free_port()
        log = self.logs / f"process-{len(self.started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, **environment, port_variable: str(port)},
                stderr=output,
            )
        self.started.append(Service(process, port, log))
        return self.started[-1]

    def end(self) -> None:
        """Kill every process that was started, and wait for each."""
        for service in self.started:
            service.process.kill()
        for service in self.started:
            service.process.wait(10)
