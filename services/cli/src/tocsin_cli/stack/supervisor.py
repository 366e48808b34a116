"""Runs one part: starts it, waits until it answers, starts it again when it dies, ends it when asked."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from tocsin_cli.stack import die_with_parent
from tocsin_cli.stack.processes import ProcessIdentity, identify, kill_group
from tocsin_cli.stack.readiness import Probe
from tocsin_cli.stack.state_directory import PartRecord, PartState

FIRST_BACKOFF_S: Final = 0.5
LONGEST_BACKOFF_S: Final = 30.0
CALM_AFTER_S: Final = 60.0
"""A part that ran this long before it died is started again without the delay that earlier deaths had built up."""
PROBE_EVERY_S: Final = 0.15
SLOW_PROBE_EVERY_S: Final = 2.0
"""Between probes of a part that was not ready within its first half minute."""


@dataclass(frozen=True)
class PartSpec:
    """How a part is run. It is asked to stop with SIGTERM and killed after `patience_s`."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    address: str
    probe: Probe
    patience_s: float = 15.0


class SupervisedPart:
    """A part and the thread that looks after it.

    The thread itself starts every process: the kernel's parent-death signal, which ends a part when its launcher is
    killed, follows the starting thread, so that one has to last as long as the part.
    """

    def __init__(self, spec: PartSpec, changed: Callable[[], None]) -> None:
        self.spec = spec
        self._changed = changed
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._state = PartState.STARTING
        self._identity: ProcessIdentity | None = None
        self._detail: str | None = None
        self._restarts = 0
        self.last_exit: int | None = None
        """Exit code of the last process that ended by itself; negative for a signal."""
        self._thread = threading.Thread(target=self._supervise, name=f"tocsin-{spec.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def record(self) -> PartRecord:
        """Return what the part is doing now."""
        with self._lock:
            return PartRecord(
                state=self._state,
                address=self.spec.address,
                log=str(self.spec.log),
                process=self._identity,
                restarts=self._restarts,
                detail=self._detail,
            )

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not start it again; returns at once."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    def stop(self, *, patience_s: float | None = None) -> None:
        """End the part and wait until it is gone: kindly for its patience (or `patience_s`), then by SIGKILL."""
        self.ask_to_stop()
        if not self._thread.is_alive():
            return
        self._thread.join(self.spec.patience_s if patience_s is None else patience_s)
        if self._thread.is_alive():
            with self._lock:
                process = self._process
            if process is not None:
                kill_group(process.pid)
            self._thread.join(5)

    def _set(self, state: PartState, detail: str | None = None) -> None:
        with self._lock:
            if (self._state, self._detail) == (state, detail):
                return
            self._state, self._detail = state, detail
        self._changed()

    def _supervise(self) -> None:
        deaths_in_a_row = 0
        while not self._stopping.is_set():
            try:
                process = self._spawn()
            except OSError as error:
                lived_s, cause = 0.0, f"cannot be started: {error}"
            else:
                if process is None:
                    break
                lived_s = self._watch(process)
                cause = describe_exit(process.returncode)
                self.last_exit = process.returncode
            if self._stopping.is_set():
                break
            deaths_in_a_row = 1 if lived_s > CALM_AFTER_S else deaths_in_a_row + 1
            delay = backoff_s(deaths_in_a_row)
            with self._lock:
                self._restarts += 1
                self._identity = None
            self._set(PartState.RESTARTING, f"{cause}; starts again in {delay:.1f} s")
            self._stopping.wait(delay)
        with self._lock:
            self._process, self._identity = None, None
        self._set(PartState.STOPPED)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self.spec.log.open("ab") as log, self._lock:
            if self._stopping.is_set():
                return None
            process = subprocess.Popen(
                tied_to_launcher(self.spec.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.spec.environment),
                # A group of its own: Ctrl-C reaches the launcher only, which then stops the parts in order.
                start_new_session=True,
            )
            self._process = process
            self._identity = identify(process.pid)
            self._state, self._detail = PartState.STARTING, None
        self._changed()
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> float:
        """Wait until the process answers, then until it ends. Returns how many seconds it ran."""
        started = monotonic()
        while process.poll() is None:
            problem = self.spec.probe()
            if problem is None:
                self._set(PartState.READY)
                break
            patient = monotonic() - started > 30
            self._set(PartState.NOT_READY if patient else PartState.STARTING, problem)
            self._wait_for_exit(process, SLOW_PROBE_EVERY_S if patient else PROBE_EVERY_S)
        process.wait()
        # What the part may have started itself goes with it.
        kill_group(process.pid)
        return monotonic() - started

    def _wait_for_exit(self, process: subprocess.Popen[bytes], timeout_s: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=timeout_s)


def backoff_s(deaths_in_a_row: int) -> float:
    """Return the pause before the next start: doubling from half a second to half a minute, 20 % jitter."""
    base = min(FIRST_BACKOFF_S * 2.0 ** min(deaths_in_a_row - 1, 10), LONGEST_BACKOFF_S)
    return base * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


def describe_exit(code: int) -> str:
    """Return how a process ended, for people."""
    if code < 0:
        return (
            f"killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"killed by signal {-code}"
        )
    return f"exited with code {code}"


def tied_to_launcher(command: tuple[str, ...]) -> list[str]:
    """Return the command so wrapped that it dies with this process, where the kernel offers that."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", str(die_with_parent.__file__), str(os.getpid()), *command]
