"""A dead letter as a row, as a block, or whole with what was refused."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin_cli.show.lines import print_field, print_indented
from tocsin_cli.show.moments import show_moment
from tocsin_cli.show.printable import many_lines, one_line
from tocsin_contracts.dead_letter import DeadLetterV1

SHORT_ID_CHARS: Final = 12
"""48 bits: enough to tell thirty days of dead letters apart, and short enough to copy by hand."""

_WIDTH_WITH_ARTICLE: Final = 112
_REASON_WIDTH: Final = 26
"""Leaves room for the origin on a terminal of 80 columns; a longer reason is wrapped."""

_SHOWN_PAYLOAD_CHARS: Final = 20_000
_HEX_ROW_BYTES: Final = 16
_HEX_ROWS: Final = 32


def where_from(letter: DeadLetterV1) -> str:
    """Return the position on Kafka that the message was read from, else its feed, file or client."""
    if letter.topic is not None:
        return f"{one_line(letter.topic, 249)} partition {letter.partition} offset {letter.offset}"
    return one_line(letter.origin or "unknown", 300)


def print_dead_letters(console: Console, letters: Sequence[DeadLetterV1], prefix: str) -> None:
    """Print a table of letters; `prefix` is left out of the topics' names."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("id", no_wrap=True)
    table.add_column("when", no_wrap=True)
    with_article = console.width >= _WIDTH_WITH_ARTICLE
    table.add_column("why", overflow="fold", max_width=None if with_article else _REASON_WIDTH)
    table.add_column("retry", no_wrap=True)
    table.add_column("from", overflow="fold", min_width=12)
    if with_article:
        table.add_column("article", no_wrap=True)
    for letter in letters:
        row = [
            Text(letter.dead_letter_id[:SHORT_ID_CHARS]),
            # Kafka keeps them for a month: the year says nothing.
            Text(f"{letter.failed_at:%m-%d %H:%M}Z", style="dim"),
            Text.assemble((letter.stage.value, "cyan"), " ", (letter.reason, "red")),
            Text("yes", style="green") if letter.retryable else Text("no", style="yellow"),
            Text(_short_origin(letter, prefix)),
        ]
        table.add_row(*row, *([letter.article_id or ""] if with_article else []))
    console.print(table)


def _short_origin(letter: DeadLetterV1, prefix: str) -> str:
    if letter.topic is None:
        return one_line(letter.origin or "unknown", 60)
    return f"{one_line(letter.topic.removeprefix(prefix), 60)} {letter.partition}/{letter.offset}"


def print_dead_letter(console: Console, letter: DeadLetterV1, note: str) -> None:
    """Print when, which stage, why and where from, in a few lines."""
    heading = Text.assemble(
        (show_moment(letter.failed_at), "dim"),
        "  ",
        (letter.stage.value, "cyan"),
        "  ",
        (letter.reason, "bold red"),
        "  ",
        ("retryable", "green") if letter.retryable else ("permanent", "yellow"),
    )
    console.print(heading)
    if letter.detail:
        print_indented(console, one_line(letter.detail, 500))
    print_indented(console, f"from {where_from(letter)}", "dim")
    print_indented(console, f"dead letter {letter.dead_letter_id}  {note}", "dim")
    console.print()


def print_whole_dead_letter(console: Console, letter: DeadLetterV1) -> None:
    """Print every field, then the original bytes as text when they are text, else as a hexadecimal dump."""
    fields = (
        ("dead letter", letter.dead_letter_id),
        ("when", show_moment(letter.failed_at)),
        ("stage", letter.stage.value),
        ("reason", letter.reason),
        ("detail", one_line(letter.detail, 2_000)),
        ("retryable", "yes" if letter.retryable else "no: the same bytes are refused again until the service changes"),
        ("attempts", str(letter.attempts)),
        ("article", letter.article_id or "unknown"),
        ("from", where_from(letter)),
        ("key", one_line(letter.key.decode(errors="replace"), 200) if letter.key else "none"),
        ("original", f"{len(letter.payload)} bytes{', cut: the rest was not kept' if letter.truncated else ''}"),
    )
    for name, value in fields:
        print_field(console, name, value, width=13, indent=0)
    console.print()
    console.print(Text(payload_as_text(letter.payload)), soft_wrap=True)


def payload_as_text(payload: bytes) -> str:
    """Return the bytes as printable text, without what a terminal would act upon; a hexadecimal dump if no UTF-8."""
    try:
        decoded = payload.decode()
    except UnicodeDecodeError:
        return _hex_dump(payload)
    if "\0" in decoded:
        return _hex_dump(payload)
    cleaned = many_lines(decoded[:_SHOWN_PAYLOAD_CHARS])
    hidden = len(decoded) - _SHOWN_PAYLOAD_CHARS
    return f"{cleaned}\n… {hidden} more characters: --raw writes all" if hidden > 0 else cleaned


def _hex_dump(payload: bytes) -> str:
    rows = []
    for start in range(0, min(len(payload), _HEX_ROW_BYTES * _HEX_ROWS), _HEX_ROW_BYTES):
        row = payload[start : start + _HEX_ROW_BYTES]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{start:06x}  {row.hex(' '):<{_HEX_ROW_BYTES * 3}} {shown}")
    hidden = len(payload) - _HEX_ROW_BYTES * _HEX_ROWS
    if hidden > 0:
        rows.append(f"… {hidden} more bytes: --raw writes all")
    return "\n".join(rows)
