"""Levels and directions in words and colours."""

from typing import Final

from rich.text import Text

from tocsin_contracts.scale import LEVEL_NAMES, Direction

_LEVEL_STYLES: Final = ("bright_black", "cyan", "yellow", "dark_orange", "bold red", "bold white on red")
_ARROWS: Final = {Direction.ESCALATING: "↗", Direction.UNCHANGED: "→", Direction.DE_ESCALATING: "↘"}


def level_text(level: int) -> Text:
    """Return `level` with its name, in its colour."""
    return Text(f"level {level} {LEVEL_NAMES[level]}", style=_LEVEL_STYLES[level])


def level_style(level: int) -> str:
    """Return the colour of `level`."""
    return _LEVEL_STYLES[level]


def direction_text(direction: Direction) -> str:
    """Return the direction as an arrow and a word."""
    return f"{_ARROWS[direction]} {direction.value}"
