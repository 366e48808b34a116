"""Lines of a block: indented text, which wraps, and links, which do not."""

from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from tocsin_cli.show.printable import one_line
from tocsin_cli.show.scale import level_style

BESIDE_LEVEL: Final = 7
"""Columns that a level takes at the start of a line, and by which what belongs to it is indented."""


def print_indented(console: Console, text: str | Text, style: str = "") -> None:
    """Print `text` two columns in, wrapped there."""
    console.print(Padding(Text(text, style=style) if isinstance(text, str) else text, (0, 0, 0, 2), expand=False))


def print_link(console: Console, url: str | None, indent: int = 2) -> None:
    """Print `url`, where there is one, as a single unwrapped word, so that a terminal still recognises the link."""
    if url is not None:
        console.print(Text(f"{' ' * indent}{one_line(url, 2_048)}", style="blue"), soft_wrap=True)


def print_field(console: Console, name: str, value: str, width: int = 8, indent: int = 2) -> None:
    """Print a name and its value; the value's wrapped lines stay under the value."""
    room = max(20, console.width - width - indent)
    for index, part in enumerate(Text(value).wrap(console, room)):
        console.print(Text.assemble((f"{' ' * indent}{name if index == 0 else '':<{width}}", "dim"), part))


def print_beside_level(console: Console, level: int | None, text: Text) -> None:
    """Print `level`, where there is one, and `text` beside it; wrapped lines stay under the text."""
    head = Text(" " * BESIDE_LEVEL)
    if level is not None:
        head = Text("  ")
        head.append(f" {level} ", style=level_style(level))
        head.append("  ")
    for index, part in enumerate(text.wrap(console, max(20, console.width - BESIDE_LEVEL))):
        console.print((head if index == 0 else Text(" " * BESIDE_LEVEL)).append_text(part))


def quote(sentence: str) -> Text:
    """A sentence in quotation marks, as one line of its characters that can be printed."""
    return Text(f"“{one_line(sentence, 400)}”", style="italic")
