"""Finds the last messages of a topic that pass a test, reading backwards only as far as needed."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol, TypeVar

from tocsin_cli.inspect.stored import Offsets, Ranges, StoredMessage

T = TypeVar("T")

_FIRST_STEP: Final = 100
_LONGEST_STEP: Final = 20_000


class Reader(Protocol):
    """What is needed of a topic's reader."""

    def read(self, ranges: Ranges) -> Iterator[StoredMessage]:
        """Yield the messages in the ranges."""


def read_last(
    reader: Reader, firsts: Offsets, ends: Offsets, limit: int, keep: Callable[[StoredMessage], T | None]
) -> list[T]:
    """Return the last `limit` messages that `keep` turns into something, oldest first.

    Each partition is read backwards from its end in growing steps, until older messages than those already read
    could not be among the last (times within a partition rise).
    """
    reached = {partition: end for partition, end in ends.items() if end > firsts[partition]}
    oldest: dict[int, tuple[float, int, int]] = {}
    kept: list[tuple[tuple[float, int, int], T]] = []
    step = min(limit, _FIRST_STEP)
    going_back = set(reached)
    while going_back:
        ranges = {p: (max(firsts[p], reached[p] - step), reached[p]) for p in going_back}
        for message in reader.read(ranges):
            oldest[message.partition] = min(oldest.get(message.partition, message.order), message.order)
            found = keep(message)
            if found is not None:
                kept.append((message.order, found))
        kept = sorted(kept, key=lambda pair: pair[0])[-limit:]
        reached |= {partition: start for partition, (start, _) in ranges.items()}
        going_back = {
            p
            for p in going_back
            if reached[p] > firsts[p] and (len(kept) < limit or p not in oldest or oldest[p] > kept[0][0])
        }
        step = min(step * 4, _LONGEST_STEP)
    return [found for _, found in kept]
