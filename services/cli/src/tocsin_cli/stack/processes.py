"""Processes by id and start time, so that an id which the system has given to another process is never signalled."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class ProcessIdentity:
    """A process: its id and when it started, as the system records it."""

    pid: int
    started: str


def identify(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process that now has `pid`; None when there is none or it is a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessIdentity(pid, _start_time(process))
    except psutil.Error:
        return None


def _start_time(process: psutil.Process) -> str:
    """Clock ticks since boot on Linux: unlike a date, they do not move when the clock is set. Elsewhere the date."""
    if not BOOT_ID.exists():
        return f"{process.create_time():.2f}"
    try:
        boot = BOOT_ID.read_text(encoding="ascii").strip()
        # The second field, the name, may hold spaces and parentheses; the start time is field 22.
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return f"{boot}/{fields.split()[19]}"
    except (OSError, IndexError) as error:
        raise psutil.NoSuchProcess(process.pid) from error


def is_alive(identity: ProcessIdentity | None) -> bool:
    """Tell whether exactly this process still runs."""
    return identity is not None and identify(identity.pid) == identity


def stop_process(identity: ProcessIdentity, *, patience_s: float) -> bool:
    """End the process, kindly for `patience_s` seconds, then with SIGKILL, and its process group with it.

    Returns whether there was anything to end. Does nothing when the id belongs to another process by now.
    """
    if not is_alive(identity):
        return False
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(identity.pid)
        if patience_s > 0:
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=patience_s)
    if is_alive(identity):
        kill_group(identity.pid)
        with contextlib.suppress(psutil.Error):
            psutil.Process(identity.pid).wait(timeout=5)
    return True


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` leads; parts are started as leaders of their own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
