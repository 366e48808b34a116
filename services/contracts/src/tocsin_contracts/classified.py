"""ClassifiedV1: an article as classify tagged it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, model_validator

from tocsin_contracts.fields import (
    MAX_EVIDENCE_CHARS,
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

EVIDENCE_FROM_LEVEL: Final = 3
"""The first violent level: from here on an article may ring, and must be explained."""


class Abstention(StrEnum):
    """Why the model could not judge a text."""

    CONFIDENCE = "confidence"
    """The level is too unsure."""
    LANGUAGE = "language"
    """It is written in a language the model does not know."""
    NO_NEWS = "no-news"
    """It reports nothing: a cookie banner, a menu, an empty page."""


class Escalation(Message):
    """How intense a conflict the article reports, and where it is heading.

    `probabilities` has one entry per level, 0 to 5; `confidence` is that of `level`. When `abstained`, the model
    could not judge the text and `level` is its best guess only; `abstained_because` says why, where that is known.
    """

    level: Level
    probabilities: Annotated[list[Score], Field(min_length=6, max_length=6)]
    confidence: Score
    direction: Direction
    direction_confidence: Score
    abstained: bool = False
    abstained_because: Abstention | None = None

    @model_validator(mode="after")
    def _reasons_need_an_abstention(self) -> "Escalation":
        if self.abstained_because and not self.abstained:
            raise ValueError("abstained_because is given for a level that is not abstained on")
        return self


class TaggedTopic(Message):
    """An IPTC Media Topic (or a `local:` one) that the model found."""

    code: TopicCode
    name: str = Field(min_length=1, max_length=100)
    score: Score


class PlaceRole(StrEnum):
    """What a country has to do with what the article reports."""

    SCENE = "scene"
    """It happens there, or the country is a party to it."""
    MENTION = "mention"
    """It is named: it comments, compares, or played a part before."""


class Place(Message):
    """A country that the article names, with how often, its role, and how surely it is the scene."""

    country: Country
    name: str = Field(min_length=1, max_length=100)
    count: int = Field(ge=1, le=100_000)
    role: PlaceRole = PlaceRole.SCENE
    score: Score = 1.0


class EvidencePart(StrEnum):
    """Which text of the article a position counts in."""

    TITLE = "title"
    TEXT = "text"


class EvidenceSentence(Message):
    """A sentence that carries the level. `start` and `end` are positions in the article's title or text.

    `text` is the sentence with its white space made single, cut where it is too long.
    """

    part: EvidencePart
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str = Field(min_length=1, max_length=MAX_EVIDENCE_CHARS)
    level: Level
    confidence: Score

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> "EvidenceSentence":
        if self.end <= self.start:
            raise ValueError("end must lie after start")
        return self


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
    evidence: Annotated[list[EvidenceSentence], Field(max_length=3)] = []
    model: ModelIdentity
