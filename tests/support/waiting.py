"""Waits for what another thread, process or server is about to do."""

import time
from collections.abc import Callable


def wait_for(condition: Callable[[], bool], within_s: float = 60) -> bool:
    """Return whether `condition` came true within the time; it is asked at least once, twenty times a second."""
    deadline = time.monotonic() + within_s
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def wait_until(condition: Callable[[], bool], within_s: float = 90) -> None:
    """Return when `condition` is true. Raises AssertionError when it does not come true within the time."""
    assert wait_for(condition, within_s), "it did not come in time"
