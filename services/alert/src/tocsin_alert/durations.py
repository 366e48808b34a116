"""Durations as people write them in rules: `40s`, `90m`, `24h`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

_UNITS: Final = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WRITTEN: Final = re.compile(r"([0-9]{1,9})\s*([smhd])")


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` names: a whole number and one of s, m, h, d.

    Raises ValueError for anything else.
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise ValueError("write a whole number and a unit, such as 40s, 90m, 24h or 7d")
    try:
        return int(match[1]) * _UNITS[match[2]]
    except OverflowError as error:
        raise ValueError("is longer than can be counted") from error


def format_duration(duration: timedelta) -> str:
    """Return the duration in its largest exact unit, days only from two on: `24h`, `7d`, `90m`."""
    seconds = int(duration.total_seconds())
    if seconds >= 172_800 and seconds % 86_400 == 0:
        return f"{seconds // 86_400}d"
    if seconds and seconds % 3_600 == 0:
        return f"{seconds // 3_600}h"
    if seconds and seconds % 60 == 0:
        return f"{seconds // 60}m"
    return f"{seconds}s"


def readable_duration(duration: timedelta) -> str:
    """Return the duration for a sentence, rounded down to whole seconds: `24 h`, `7 days`, `90 min`, `40 s`."""
    written = format_duration(duration)
    number, unit = written[:-1], {"s": "s", "m": "min", "h": "h", "d": "days"}[written[-1]]
    return f"{number} {unit}"


def _read(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError("write a whole number and a unit, such as 40s, 90m, 24h or 7d")


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(format_duration, return_type=str)]
