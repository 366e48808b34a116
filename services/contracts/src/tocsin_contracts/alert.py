"""AlertV1: one revision of one alert."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from tocsin_contracts.fields import (
    MAX_EVIDENCE_CHARS,
    MAX_TITLE_CHARS,
    Country,
    HttpUrl,
    Id,
    Level,
    Message,
    Revision,
    Slug,
    Source,
    TopicCode,
    Utc,
)
from tocsin_contracts.scale import Direction


class Status(StrEnum):
    """An alert fires once, may be raised or updated while it fires, and resolves once."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    """How loudly a rule rings; set by the rule, for people and routing."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class RuleIdentity(Message):
    """The rule that fired. `version` is a digest of its content, so that an edit shows."""

    name: Slug
    version: str = Field(min_length=1, max_length=64)


class Group(Message):
    """The value of the rule's `group_by`; both empty when the rule watches everything together."""

    place: Country | None = None
    topic: TopicCode | None = None


class Counts(Message):
    """What contributed within the window."""

    articles: int = Field(ge=0)
    stories: int = Field(ge=0)
    sources: int = Field(ge=0)


class Threshold(Message):
    """What had to be reached for the alert to fire."""

    level: Level
    stories: int = Field(ge=1)
    sources: int = Field(ge=1)


class Window(Message):
    """The stretch of event time that was counted."""

    starts_at: Utc
    ends_at: Utc


class Evidence(Message):
    """An article that contributed, with its position on the classified topic.

    `sentence` is the sentence of its text that carries its level most, where the model named one.
    """

    article_id: Id
    revision: Revision
    story_id: Id
    title: str = Field(default="", max_length=MAX_TITLE_CHARS)
    url: HttpUrl | None = None
    source: Source
    level: Level
    direction: Direction
    published_at: Utc
    topic: str = Field(max_length=249)
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    sentence: str | None = Field(default=None, min_length=1, max_length=MAX_EVIDENCE_CHARS)


class AlertV1(Message):
    """A snapshot of one episode of one group: firing (with updates as revisions), then resolved.

    `alert_id` identifies the episode, `fingerprint` the rule and group across episodes. `ends_at` is set exactly
    when the status is resolved.
    """

    alert_id: Id
    fingerprint: Id
    revision: Revision
    status: Status
    severity: Severity
    rule: RuleIdentity
    group: Group
    level: Level
    direction: Direction
    counts: Counts
    threshold: Threshold
    baseline: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    window: Window
    topics: Annotated[list[TopicCode], Field(max_length=64)] = []
    places: Annotated[list[Country], Field(max_length=64)] = []
    starts_at: Utc
    updated_at: Utc
    ends_at: Utc | None = None
    evidence: Annotated[list[Evidence], Field(max_length=20)] = []
    summary: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _ends_when_resolved(self) -> "AlertV1":
        if (self.ends_at is not None) != (self.status is Status.RESOLVED):
            raise ValueError("ends_at is set exactly when the status is resolved")
        return self
