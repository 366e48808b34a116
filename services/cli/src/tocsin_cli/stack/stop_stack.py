"""Ends a stack that another process started, whatever state that process left it in."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import end_leftovers
from tocsin_cli.stack.processes import is_alive, stop_process
from tocsin_cli.stack.state_directory import StackRecord, StackState, StateDirectory

LAUNCHER_PATIENCE_S: Final = 75.0
"""Longer than the launcher itself gives its parts: 15 s for services, then 30 s for servers."""
LOCK_PATIENCE_S: Final = 5.0


def stop_stack(path: Path, *, volumes: bool, report: Callable[[str], None]) -> bool:
    """Stop the stack of this state directory, and with `volumes` delete its data. Returns whether anything ran.

    Asks the launcher first, which stops the parts in order; what is left after that is ended by process id and start
    time. Raises StackError when the directory stays in use.
    """
    directory = StateDirectory(path)
    if not path.is_dir():
        return False
    record = directory.read()
    ran = False
    if record is not None and record.launcher is not None and record.launcher.pid != os.getpid():
        if is_alive(record.launcher):
            report(f"stopping (launcher pid {record.launcher.pid})")
        ran = stop_process(record.launcher, patience_s=LAUNCHER_PATIENCE_S)
    _when_free(directory, lambda: _clear(directory, record, volumes=volumes, report=report))
    return ran or _had_processes(record)


def _had_processes(record: StackRecord | None) -> bool:
    return record is not None and any(part.process for part in record.parts.values())


def _clear(
    directory: StateDirectory, record: StackRecord | None, *, volumes: bool, report: Callable[[str], None]
) -> None:
    for name in end_leftovers(directory):
        report(f"ended {name}, which the launcher had left behind")
    if record is not None:
        latest = directory.read() or record
        if latest.state is not StackState.FAILED:
            directory.write(latest.stopped())
    if volumes:
        directory.remove_data()
        report(f"removed {directory.data}")


def _when_free(directory: StateDirectory, action: Callable[[], None]) -> None:
    """Run `action` holding the lock, which a launcher that has just died lets go of a moment later."""
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            with directory.locked():
                action()
                return
        except StackError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
