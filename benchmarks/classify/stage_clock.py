"""Adds up how long functions take, each without those that it calls and that are timed themselves."""

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A function by where it is looked up when it is called, such as `module:Class.method`, and its stage's name."""

    name: str
    function: str
    beside: bool = False
    """Runs in a thread of its own, at the same time as the others."""


class StageClock:
    """Times stages from the first call of the function that opens the work; threads are told apart."""

    def __init__(self, opens: str) -> None:
        """Take the function, by its path, before which nothing counts: loading is another matter."""
        self._opens = opens
        self._running = threading.local()
        self._lock = threading.Lock()
        self._began = self._ended = 0.0
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def install(self, stages: tuple[Stage, ...]) -> None:
        """Put a timer around each function. Raises AttributeError when one is not there (any more)."""
        for stage in stages:
            owner, name = find_owner(stage.function)
            setattr(owner, name, self._timed(stage, getattr(owner, name)))

    @property
    def wall_s(self) -> float:
        """From the beginning of the first timed call to the end of the last, those in threads beside left out."""
        return self._ended - self._began

    def shares(self, stages: tuple[Stage, ...], rest: str) -> Mapping[str, float]:
        """Seconds by stage, in the order of `stages`; `rest` is what remains of the wall time."""
        found = {stage.name: self.seconds[stage.name] for stage in stages}
        beside = {stage.name for stage in stages if stage.beside}
        found[rest] = self.wall_s - sum(spent for name, spent in found.items() if name not in beside)
        return found

    def _timed(self, stage: Stage, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            if not self._began:
                if stage.function != self._opens:
                    return function(*given, **named)
                self._began = time.perf_counter()
            outer = getattr(self._running, "inner", 0.0)
            self._running.inner = 0.0
            started = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                ended = time.perf_counter()
                with self._lock:
                    self.seconds[stage.name] += ended - started - self._running.inner
                    if not stage.beside:
                        self._ended = max(self._ended, ended)
                self._running.inner = outer + ended - started

        return timed


def find_owner(path: str) -> tuple[Any, str]:
    """The module or class in which `module:name` or `module:Class.name` stands, and the name.

    Raises AttributeError when it is not there.
    """
    module, _, inside = path.partition(":")
    owner: Any = import_module(module)
    *outer, name = inside.split(".")
    for step in outer:
        owner = getattr(owner, step)
    if not hasattr(owner, name):
        raise AttributeError(f"{path} is not there: has it another name now?")
    return owner, name
