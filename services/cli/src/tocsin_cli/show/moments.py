"""Times and lengths of time, as people write and read them. All times are UTC."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin_cli.show.printable import one_line

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DATE_FIRST: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LONGEST_S: Final = 100 * 365 * 86_400


class BadMoment(ValueError):
    """A text that names no time; the message says which forms do."""


def parse_duration(text: str) -> timedelta | None:
    """Return the length of time that `text` names, such as `90m`, `1h30m` or `7d`; None when it names none."""
    wanted = text.strip().lower()
    if not re.fullmatch(r"(\d{1,9}[smhdw]){1,5}", wanted):
        return None
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", wanted))
    return timedelta(seconds=min(seconds, _LONGEST_S))


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the time that `text` names: a length of time before `now`, or an ISO 8601 date or time (UTC if unsaid).

    Raises BadMoment.
    """
    ago = parse_duration(text)
    if ago is not None:
        return now - ago
    try:
        # Python alone would read a long number as a date and time.
        moment = datetime.fromisoformat(text.strip() if _DATE_FIRST.match(text.strip()) else "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadMoment(
            f"'{one_line(text, 60)}' is no time: write how long ago (30m, 2h, 7d) or when (2026-11-24T18:00Z)"
        ) from None


def show_moment(moment: datetime) -> str:
    """Return a time to the second, such as `2026-11-24 18:00:05Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def show_minute(moment: datetime) -> str:
    """Return a time to the minute, such as `2026-11-24 18:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def show_duration(length: timedelta) -> str:
    """Return a length of time in its two largest units, such as `2 h 5 min`."""
    seconds = max(0, int(length.total_seconds()))
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
