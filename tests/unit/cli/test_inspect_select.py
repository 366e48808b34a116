"""Where inspecting begins, and how the last messages are found without reading everything."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_messages import START
from tocsin_cli.inspect.name_topic import find_declaration
from tocsin_cli.inspect.parse_from import AtOffset, Edge, parse_from
from tocsin_cli.inspect.read_last import read_last
from tocsin_cli.inspect.stored import Ranges, StoredMessage
from tocsin_cli.show.moments import BadMoment
from tocsin_cli.show.names import UnknownName
from tocsin_contracts.topics import CLASSIFIED, DEAD_LETTERS

pytestmark = pytest.mark.unit


class MemoryReader:
    """Partitions in memory; counts what is read."""

    def __init__(self, partitions: list[list[int]]) -> None:
        self._partitions = [
            [
                StoredMessage("t", partition, offset, datetime.fromtimestamp(second, UTC), None, str(second).encode())
                for offset, second in enumerate(sorted(seconds))
            ]
            for partition, seconds in enumerate(partitions)
        ]
        self.firsts = dict.fromkeys(range(len(partitions)), 0)
        self.ends = {partition: len(seconds) for partition, seconds in enumerate(partitions)}
        self.messages_read = 0

    def all(self) -> list[StoredMessage]:
        return sorted((m for messages in self._partitions for m in messages), key=lambda message: message.order)

    def read(self, ranges: Ranges) -> Iterator[StoredMessage]:
        found = [m for p, (start, end) in ranges.items() for m in self._partitions[p][start:end]]
        self.messages_read += len(found)
        return iter(sorted(found, key=lambda message: message.order))


seconds = st.lists(st.lists(st.integers(0, 300), max_size=250), min_size=1, max_size=4)


@settings(max_examples=80, deadline=None)
@given(seconds, st.integers(1, 40), st.integers(1, 9))
def test_the_last_that_fit_are_found_as_if_everything_had_been_read(
    partitions: list[list[int]], limit: int, divisor: int
) -> None:
    reader = MemoryReader(partitions)

    def keep(message: StoredMessage) -> StoredMessage | None:
        return message if message.offset % divisor == 0 else None

    found = read_last(reader, reader.firsts, reader.ends, limit, keep)
    assert found == [message for message in reader.all() if keep(message)][-limit:]


def test_without_a_filter_no_more_than_the_last_of_each_partition_is_read() -> None:
    reader = MemoryReader([list(range(5_000)), list(range(5_000))])
    found = read_last(reader, reader.firsts, reader.ends, 20, lambda message: message)
    assert found == reader.all()[-20:]
    assert reader.messages_read == 40


def test_a_partition_that_has_long_been_quiet_is_not_read_further() -> None:
    reader = MemoryReader([list(range(4_000)), list(range(5_000, 9_000))])
    found = read_last(reader, reader.firsts, reader.ends, 50, lambda m: m if m.offset % 2 else None)
    assert len(found) == 50
    assert reader.messages_read < 1_000


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("start", Edge.START),
        ("END", Edge.END),
        ("0", AtOffset(0)),
        ("41", AtOffset(41)),
        ("2h", START - timedelta(hours=2)),
        ("2026-11-24T12:00Z", START),
    ],
)
def test_from_names_where_to_begin(text: str, start: object) -> None:
    assert parse_from(text, START) == start


@pytest.mark.parametrize("text", ["", "-5", "middle", "1" * 30])
def test_from_refuses_what_names_no_place(text: str) -> None:
    with pytest.raises(BadMoment, match="an offset"):
        parse_from(text, START)


def test_a_topic_is_named_in_short_or_in_full() -> None:
    assert find_declaration("classified", "x.") is CLASSIFIED
    assert find_declaration("x.dead-letters", "x.") is DEAD_LETTERS
    with pytest.raises(UnknownName, match="there are articles, classified"):
        find_declaration("other.events", "x.")
    with pytest.raises(UnknownName, match="did you mean dead-letters"):
        find_declaration("deadletters", "x.")
