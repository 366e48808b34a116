"""Keeps requests to one host apart: one at a time, and so many seconds from one to the next."""

import threading
import time
from collections.abc import Callable
from typing import Final

from tocsin_ingest.settings import is_loopback

MAX_HOSTS: Final = 10_000
BUSY_WAIT_S: Final = 0.5


class HostGate:
    """Lets requests to a host through one by one. Loopback is exempt: there is nobody to be polite to."""

    def __init__(self, delay_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._delay_s = delay_s
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}
        self._busy: set[str] = set()

    def enter(self, host: str) -> float:
        """Take the host and return 0, or return how many seconds to wait before trying again. Pair with `leave`."""
        if is_loopback(host):
            return 0.0
        with self._lock:
            if host in self._busy:
                return BUSY_WAIT_S
            wait_s = self._free_at.get(host, 0.0) - self._clock()
            if wait_s > 0:
                return wait_s
            self._busy.add(host)
            return 0.0

    def leave(self, host: str) -> None:
        """Give the host back; the delay counts from now."""
        with self._lock:
            if host in self._busy:
                self._busy.remove(host)
                if len(self._free_at) >= MAX_HOSTS:
                    self._free_at.clear()
                self._free_at[host] = self._clock() + self._delay_s
