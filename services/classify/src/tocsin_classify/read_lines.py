"""A byte stream becomes numbered lines of bounded length."""

from collections.abc import Iterator
from typing import IO

MAX_LINE_BYTES = 1_048_576
"""As much as Kafka takes for one message, and ten times the longest text that is read."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield (number from 1, line without its end), blank lines left out; None stands for a line that is too long."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            _skip_rest(stream)
            yield number, None
        elif line.strip():
            yield number, line.rstrip(b"\r\n")


def _skip_rest(stream: IO[bytes]) -> None:
    while piece := stream.readline(MAX_LINE_BYTES):
        if piece.endswith(b"\n"):
            return
