"""ClassifiedV1: an article as classify tagged it."""

from typing import Annotated

from pydantic import Field

from tocsin_contracts.fields import (
    MAX_LEAD_CHARS,
    MAX_TITLE_CHARS,
    ContentHash,
    Country,
    HttpUrl,
    Id,
    Language,
    Level,
    Message,
    Revision,
    Score,
    Source,
    TopicCode,
    Utc,
)
from tocsin_contracts.scale import Direction


class Escalation(Message):
    """How intense a conflict the article reports, and where it is heading.

    `probabilities` has one entry per level, 0 to 5; `confidence` is that of `level`. When `abstained`, the model
    could not judge the text and `level` is its best guess only.
    """

    level: Level
    probabilities: Annotated[list[Score], Field(min_length=6, max_length=6)]
    confidence: Score
    direction: Direction
    direction_confidence: Score
    abstained: bool = False


class TaggedTopic(Message):
    """An IPTC Media Topic (or a `local:` one) that the model found."""

    code: TopicCode
    name: str = Field(min_length=1, max_length=100)
    score: Score


class Place(Message):
    """A country that the article names, with how often."""

    country: Country
    name: str = Field(min_length=1, max_length=100)
    count: int = Field(ge=1, le=100_000)


class ModelIdentity(Message):
    """Which model judged, and on which version of the scale."""

    name: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=40)
    scale_version: str = Field(min_length=1, max_length=40)


class ClassifiedV1(Message):
    """The article's identity with its tags. The same article and model always give the same tags."""

    article_id: Id
    revision: Revision
    content_hash: ContentHash
    story_id: Id
    url: HttpUrl | None = None
    title: str = Field(default="", max_length=MAX_TITLE_CHARS)
    lead: str = Field(default="", max_length=MAX_LEAD_CHARS)
    language: Language = "und"
    source: Source
    feed: str | None = Field(default=None, max_length=200)
    published_at: Utc | None = None
    fetched_at: Utc
    classified_at: Utc
    escalation: Escalation
    topics: Annotated[list[TaggedTopic], Field(max_length=64)] = []
    places: Annotated[list[Place], Field(max_length=64)] = []
    model: ModelIdentity
