"""Ctrl-C and SIGTERM: the first one ends the demo in order, a later one ends it at once."""

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Turns the first signal into KeyboardInterrupt. Once the end has begun, a signal calls `hurry` instead.

    `notice` is called at the first signal. `exit_code` is that of this signal: 128 and its number, as shells count.
    """

    def __init__(self, notice: Callable[[], None]) -> None:
        self._notice = notice
        self.hurry: Callable[[], None] = lambda: None
        self.exit_code = 128 + signal.SIGINT
        self._ending = False
        self._previous: list[tuple[signal.Signals, signal.Handlers]] = []

    def __enter__(self) -> Self:
        self._previous = [(number, signal.signal(number, self._on_signal)) for number in _SIGNALS]  # type: ignore[misc]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous:
            signal.signal(number, handler)

    def only_hurry(self) -> None:
        """Let no signal interrupt what follows: the end has begun."""
        self._ending = True

    def wait(self) -> None:
        """Return at the next signal."""
        try:
            # A wait that the handler interrupts: threading.Event.wait returns to Python when a signal comes.
            threading.Event().wait()
        except KeyboardInterrupt:
            return

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._ending:
            self._ending = True
            self.exit_code = 128 + number
            self._notice()
            raise KeyboardInterrupt
        # In a thread of its own: this one may hold a lock that it needs.
        threading.Thread(target=self.hurry, name="demo-hurry", daemon=True).start()
