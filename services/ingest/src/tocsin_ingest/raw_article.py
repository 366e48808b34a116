"""What a feed entry, a push or a line of a file becomes before it is judged: RawArticle, or Refused."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RawArticle:
    """An article as it was read, not yet normalised.

    `origin` says where it came from (`feed:<name>`, `push`, `file:<name>:<line>`). `feed` is the feed's name, if any.
    `html` says that title and text are HTML; None means: look at them. `payload` holds the original bytes, for the dead
    letter should the article turn out to be unusable.
    """

    title: str
    text: str
    source_name: str
    origin: str
    payload: bytes
    source_domain: str | None = None
    url: str | None = None
    guid: str | None = None
    published_at: datetime | None = None
    language: str | None = None
    feed: str | None = None
    html: bool | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that can never become an article. `reason` is a slug for counting; `detail` names the field."""

    reason: str
    detail: str
    payload: bytes
    origin: str
