"""Where on the stream a subscriber starts. A stream id is `<milliseconds>-<number>`; reading starts after it. Pure."""

import re
from datetime import UTC, datetime
from typing import Final

from tocsin_cli.show.moments import BadMoment, parse_moment

BEGINNING: Final = "0-0"
_LAST_NUMBER: Final = 2**64 - 1
_CURSOR_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_STREAM_ID: Final = re.compile(r"(\d{1,19})-(\d{1,19})")


def parse_since(text: str, now: datetime) -> str:
    """Return the stream id after which to read.

    `text` is `0` or `beginning`, a stream id (reading starts after it), a length of time before `now`, or an ISO date
    or time (reading starts with what was written then or later). Raises BadMoment.
    """
    wanted = text.strip().lower()
    if wanted in ("0", "beginning", "start"):
        return BEGINNING
    if _STREAM_ID.fullmatch(wanted):
        return wanted
    try:
        moment = parse_moment(wanted.upper() if "t" in wanted else wanted, now)
    except BadMoment as error:
        raise BadMoment(f"{error}, `beginning`, or a stream id") from None
    milliseconds = int(moment.timestamp() * 1_000)
    return f"{milliseconds - 1}-{_LAST_NUMBER}" if milliseconds > 0 else BEGINNING


def valid_cursor_name(name: str) -> bool:
    """Return whether `name` may become part of a key: letters, digits, dot, dash, underscore, at most 64."""
    return _CURSOR_NAME.fullmatch(name) is not None


def id_order(stream_id: str) -> tuple[int, int]:
    """Return a key that orders stream ids as Redis does. Raises ValueError for what is no stream id."""
    milliseconds, _, number = stream_id.partition("-")
    return int(milliseconds), int(number)


def id_moment(stream_id: str) -> datetime | None:
    """Return when an entry with this id was written, by the server's clock; None when that is no calendar time."""
    try:
        return datetime.fromtimestamp(id_order(stream_id)[0] / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
