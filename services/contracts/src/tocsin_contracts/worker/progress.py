"""Tells a worker that has stopped making progress from one that has nothing to do.

A Faust consumer can fall silent after a rebalance while its process lives on, so liveness is judged from the broker:
what is committed against what there is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Follows committed and end offsets of the partitions a worker owns. Times are monotonic seconds."""

    stalled_after_s: float
    lag: int = 0
    _committed: Mapping[int, int] = field(default_factory=dict)
    _moved_at: float | None = None

    def observe(self, committed: Mapping[int, int], ends: Mapping[int, int], now: float) -> None:
        """Take note of the offsets of the partitions owned at `now`, by partition."""
        self.lag = sum(max(0, end - committed.get(partition, 0)) for partition, end in ends.items())
        if self.lag == 0 or committed != self._committed or self._moved_at is None:
            self._moved_at = now
        self._committed = dict(committed)

    def stalled(self, now: float) -> bool:
        """Whether there has been work for `stalled_after_s` seconds without one commit."""
        return self._moved_at is not None and self.lag > 0 and now - self._moved_at > self.stalled_after_s
