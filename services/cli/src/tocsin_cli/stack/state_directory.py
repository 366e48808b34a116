"""The directory of one local stack: data, logs, the record of what runs, and the lock of whoever runs it."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.processes import ProcessIdentity

LOG_KEEP_BYTES: Final = 10_000_000
"""A longer log is set aside as `.old` when its part starts, so that two of this size are the most that stays."""


class PartState(StrEnum):
    """What a part is doing."""

    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    RESTARTING = "restarting"
    EXTERNAL = "external"
    STOPPED = "stopped"


class StackState(StrEnum):
    """What the stack as a whole is doing."""

    STARTING = "starting"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class PartRecord:
    """One part as recorded: `address` is where it answers, `detail` says why it is not ready."""

    state: PartState
    address: str
    log: str | None = None
    process: ProcessIdentity | None = None
    restarts: int = 0
    detail: str | None = None


@dataclass(frozen=True)
class StackRecord:
    """The stack as recorded in stack.json. `error` and `exit_code` say why it failed to start."""

    state: StackState
    launcher: ProcessIdentity | None = None
    message: str = ""
    error: str | None = None
    exit_code: int = 0
    parts: dict[str, PartRecord] = field(default_factory=dict)

    def stopped(self) -> "StackRecord":
        """Return the record of the same stack with nothing running."""
        parts = {
            name: part
            if part.state is PartState.EXTERNAL
            else replace(part, state=PartState.STOPPED, process=None, detail=None)
            for name, part in self.parts.items()
        }
        return StackRecord(state=StackState.STOPPED, parts=parts)


class StateDirectory:
    """Paths below one directory, and the record and the lock in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.logs = path / "logs"
        self.record_file = path / "stack.json"
        self.lock_file = path / "lock"

    def create(self) -> None:
        """Make the directories, for their owner only.

        Raises StackError when that is not possible.
        """
        try:
            for directory in (self.path, self.data, self.logs):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StackError(f"the state directory {self.path} cannot be used: {error} (TOCSIN_STATE_DIR)") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory for one launcher; the system lets go of it with the process, however that ends.

        Raises StackError when another launcher holds it.
        """
        import fcntl

        self.create()
        descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                record = self.read()
                pid = f" (pid {record.launcher.pid})" if record and record.launcher else ""
                raise StackError(
                    f"a stack already runs in {self.path}{pid}: see `tocsin status`, stop it with `tocsin down`, "
                    "or set TOCSIN_STATE_DIR and other ports for a second one"
                ) from error
            yield
        finally:
            os.close(descriptor)

    def write(self, record: StackRecord) -> None:
        """Replace the record in one step, so that a reader sees the old one or the new one."""
        descriptor, name = tempfile.mkstemp(prefix="stack-", suffix=".json", dir=self.path)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(record), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.record_file)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def read(self) -> StackRecord | None:
        """Return the record; None when there is none.

        Raises StackError when the file is not one.
        """
        try:
            data = json.loads(self.record_file.read_text(encoding="utf-8"))
            return _record(data)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StackError(
                f"{self.record_file} cannot be read: {error!r}. When no stack runs any more, delete it."
            ) from error

    def open_log(self, name: str) -> Path:
        """Return the log file of a part, the former one set aside when it has grown long."""
        path = self.logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LOG_KEEP_BYTES:
                path.replace(path.with_suffix(".log.old"))
        path.touch(mode=0o600)
        return path

    def remove_data(self) -> None:
        """Delete what the servers stored; logs stay."""
        shutil.rmtree(self.data, ignore_errors=False) if self.data.exists() else None


def _record(data: dict[str, Any]) -> StackRecord:
    return StackRecord(
        state=StackState(data["state"]),
        launcher=_identity(data["launcher"]),
        message=str(data["message"]),
        error=data["error"],
        exit_code=int(data["exit_code"]),
        parts={
            name: PartRecord(
                state=PartState(part["state"]),
                address=str(part["address"]),
                log=part["log"],
                process=_identity(part["process"]),
                restarts=int(part["restarts"]),
                detail=part["detail"],
            )
            for name, part in data["parts"].items()
        },
    )


def _identity(data: dict[str, Any] | None) -> ProcessIdentity | None:
    return None if data is None else ProcessIdentity(pid=int(data["pid"]), started=str(data["started"]))


def tail(path: Path, *, lines: int = 15, limit: int = 16_384) -> str:
    """Return the last lines of a log; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - limit))
            text = file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
