"""Runs a stack until it is told to stop: in the foreground of `tocsin up`, or as the process behind `--detach`.

`python -m tocsin_cli.stack.launcher PART,PART…` is the latter; its output is the state directory's launcher.log.
"""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from tocsin_cli.stack.config import StackConfig, StackSettings, parse_parts
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import LocalStack, Report
from tocsin_cli.stack.state_directory import StackRecord
from tocsin_contracts.settings import load_settings

EXIT_INTERRUPTED: Final = 130


class StopRequested(BaseException):
    """A signal asked for the end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_until_stopped(
    config: StackConfig,
    *,
    report: Report,
    on_change: Callable[[StackRecord], None] | None = None,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Start the stack, keep it running until SIGINT, SIGTERM or SIGHUP, stop it, and return the exit code.

    A second signal kills what is still stopping. Only for the main thread. Raises StackError when it does not start.
    """
    stack = LocalStack(config, report=report, on_change=on_change)
    stopping = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            stack.kill_all()
            return
        stopping.set()
        raise StopRequested(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        stack.start()
        if on_ready is not None:
            on_ready()
        threading.Event().wait()
    except StopRequested as request:
        stack.stop()
        return EXIT_INTERRUPTED if request.number == signal.SIGINT else 0
    finally:
        stopping.set()
        stack.stop()
    return 0


def main() -> int:
    """Run detached."""
    try:
        config = load_settings(StackSettings).config(parse_parts(sys.argv[1] if len(sys.argv) > 1 else None))
        return run_until_stopped(config, report=lambda message: print(message, file=sys.stderr, flush=True))
    except StackError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
