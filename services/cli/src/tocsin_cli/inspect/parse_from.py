"""What `--from` says: the start, the end, an offset, or a time. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tocsin_cli.show.moments import BadMoment, parse_moment


class Edge(Enum):
    """An end of a topic."""

    START = "start"
    END = "end"


@dataclass(frozen=True)
class AtOffset:
    """This offset in every partition."""

    offset: int


From = Edge | AtOffset | datetime


def parse_from(text: str, now: datetime) -> From:
    """Return where to begin. Raises BadMoment."""
    wanted = text.strip().lower()
    if wanted in ("start", "beginning", "earliest"):
        return Edge.START
    if wanted in ("end", "latest", "now"):
        return Edge.END
    if re.fullmatch(r"\d{1,18}", wanted):
        return AtOffset(int(wanted))
    try:
        return parse_moment(text, now)
    except BadMoment as error:
        raise BadMoment(f"{error}; or `start`, `end`, an offset") from None
