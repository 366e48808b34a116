"""Lets Ctrl-C and SIGTERM end a command between two alerts, never between writing one and remembering it."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """The user asked for the end, or the time is up."""


class StopRequest:
    """Whether the end was asked for. Waiting is interrupted at once; work is left to finish its step.

    A second signal interrupts whatever is going on, in case a step hangs (such as writing to a full pipe).
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._asked = False
        self._waiting = False

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Take over the signals for the length of the block."""
        previous = [(number, signal.signal(number, self._on_signal)) for number in _SIGNALS]
        try:
            yield self
        finally:
            for number, handler in previous:
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if self._waiting:
            raise Stopped

    @property
    def timed_out(self) -> bool:
        """Whether the time is up."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def check(self) -> None:
        """Raise Stopped when the end was asked for or the time is up."""
        if self._asked or self.timed_out:
            raise Stopped

    def remaining_s(self, most: float) -> float:
        """Return the seconds until the time is up, at most `most`."""
        return most if self._deadline is None else max(0.0, min(most, self._deadline - time.monotonic()))

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Mark a block that may be interrupted anywhere without loss. Raises Stopped."""
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def sleep(self, seconds: float) -> None:
        """Wait, unless stopped meanwhile. Raises Stopped."""
        with self.waiting():
            time.sleep(self.remaining_s(seconds))
        self.check()
