"""Selects messages from a topic: which stretch, which of them, how many."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from tocsin_cli.inspect.decode_stored import Decoded, decode_stored
from tocsin_cli.inspect.match_where import Test
from tocsin_cli.inspect.parse_from import AtOffset, Edge, From
from tocsin_cli.inspect.read_last import read_last
from tocsin_cli.inspect.read_topic import TopicReader
from tocsin_cli.inspect.stored import Offsets, StoredMessage
from tocsin_contracts.fields import Message


@dataclass(frozen=True)
class Selection:
    """What to show: `start` None stands for the last `limit` messages; `limit` None for no limit."""

    kind: type[Message]
    start: From | None
    limit: int | None
    test: Test | None = None
    partition: int | None = None


class Selector:
    """Reads the selection; counts in `unreadable` what a filter could not look into and so left out."""

    def __init__(self, reader: TopicReader, selection: Selection) -> None:
        self._reader = reader
        self._selection = selection
        self.unreadable = 0

    def read(self) -> Iterator[Decoded]:
        """Yield what the topic holds now, in the order of time."""
        firsts, ends = self._extent()
        return self._read(firsts, ends)

    def follow(self, remark: Callable[[str], None]) -> Iterator[Decoded]:
        """Yield what the topic holds now, then what comes, without end (but for the limit)."""
        firsts, ends = self._extent()
        limit = self._selection.limit if self._selection.start is not None else None
        return islice(self._go_on(firsts, ends, remark), limit)

    def count(self) -> int:
        """Return how many messages there are; without a filter nothing is read for that."""
        firsts, ends = self._extent()
        starts = self._starts(firsts, ends)
        if self._selection.test is None:
            return sum(max(0, ends[partition] - start) for partition, start in starts.items())
        return sum(1 for _ in self._from(starts, ends))

    def _go_on(self, firsts: Offsets, ends: Offsets, remark: Callable[[str], None]) -> Iterator[Decoded]:
        yield from self._read(firsts, ends)
        for message in self._reader.follow(ends, remark):
            decoded = self._keep(message)
            if decoded is not None:
                yield decoded

    def _read(self, firsts: Offsets, ends: Offsets) -> Iterator[Decoded]:
        start, limit = self._selection.start, self._selection.limit
        if start is None and limit is not None:
            return iter(read_last(self._reader, firsts, ends, limit, self._keep))
        return islice(self._from(self._starts(firsts, ends), ends), limit)

    def _from(self, starts: Offsets, ends: Offsets) -> Iterator[Decoded]:
        ranges = {partition: (start, ends[partition]) for partition, start in starts.items()}
        for message in self._reader.read(ranges):
            decoded = self._keep(message)
            if decoded is not None:
                yield decoded

    def _extent(self) -> tuple[Offsets, Offsets]:
        wanted = self._selection.partition
        firsts, ends = self._reader.first_offsets(), self._reader.end_offsets()
        if wanted is None:
            return firsts, ends
        return {wanted: firsts[wanted]}, {wanted: ends[wanted]}

    def _starts(self, firsts: Offsets, ends: Offsets) -> Offsets:
        match self._selection.start:
            case None | Edge.START:
                return firsts
            case Edge.END:
                return ends
            case AtOffset(offset):
                return {partition: max(first, offset) for partition, first in firsts.items()}
            case datetime() as moment:
                found = self._reader.offsets_at(moment)
                return {partition: max(first, found[partition]) for partition, first in firsts.items()}

    def _keep(self, stored: StoredMessage) -> Decoded | None:
        decoded = decode_stored(stored, self._selection.kind)
        test = self._selection.test
        if test is None:
            return decoded
        if decoded.message is None:
            self.unreadable += 1
            return None
        return decoded if test(decoded.message) else None
