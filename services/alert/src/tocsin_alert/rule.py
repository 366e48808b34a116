"""A rule: which articles contribute, how they are grouped, when to ring and when to stop."""

import json
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tocsin_alert.durations import Duration, format_duration
from tocsin_contracts.alert import Severity
from tocsin_contracts.fields import Country, Level, Score, Slug
from tocsin_contracts.ids import digest_id
from tocsin_contracts.media_topics import find_topic
from tocsin_contracts.scale import Direction

MAX_COUNTED: Final = 10
"""Most stories or sources a rule may ask for. An alert carries 20 articles as evidence, and stories plus sources
together must fit in, so that the evidence alone always shows why it fired."""

MAX_WINDOW: Final = timedelta(days=30)
"""As long as classified articles are kept; a longer window could not be replayed."""

DEFAULT_LATENESS: Final = timedelta(minutes=30)
"""Feeds are read every few minutes and the line has its own delays; half an hour covers both."""


class GroupBy(StrEnum):
    """What a rule's groups are: each has a state and alerts of its own."""

    PLACE = "place"
    TOPIC = "topic"
    BOTH = "both"
    NONE = "none"


class PlacesRole(StrEnum):
    """Which of an article's countries count."""

    SCENE = "scene"
    """Where it happens, and who is a party to it."""
    ANY = "any"
    """Those that are only mentioned too."""


def _topic_code(text: str) -> str:
    code = find_topic(text)
    if code is None:
        raise PydanticCustomError("unknown_topic", "is no known topic; give a code, a name or a slug")
    return code


TopicName = Annotated[str, Field(max_length=100), AfterValidator(_topic_code)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(_Part):
    """Which articles contribute; an empty list lets everything through.

    `sources` are domains (their subdomains included) or names. `place_share`: a country counts when the article names
    it at least this fraction as often as the country it names most, so that a passing mention does not.
    `places_role`: by default only countries where it happens, or that are parties to it, count; `any` takes those that
    comment, compare or played a part before as well.
    """

    min_level: Level = 0
    directions: Annotated[list[Direction], Field(max_length=3)] = []
    topics: Annotated[list[TopicName], Field(max_length=64)] = []
    places: Annotated[list[Country], Field(max_length=300)] = []
    sources: Annotated[list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=1_000)] = []
    confidence: Score = 0.0
    include_abstained: bool = False
    place_share: Score = 0.5
    places_role: PlacesRole = PlacesRole.SCENE


class FireWhen(_Part):
    """The threshold: so many distinct stories from so many distinct sources at `level` or above."""

    stories: int = Field(default=1, ge=1, le=MAX_COUNTED)
    sources: int = Field(default=1, ge=1, le=MAX_COUNTED)
    level: Level


class ResolveWhen(_Part):
    """The exit threshold: fewer than `stories_below` stories at `level` or above, for as long as `hold`.

    Both default to the threshold to fire.
    """

    stories_below: int | None = Field(default=None, ge=1, le=MAX_COUNTED)
    level: Level | None = None
    hold: Duration


class Rule(_Part):
    """One rule, as a rule file states it.

    `lateness`: an article that arrives up to this long after its event time is treated as if it had been on time.
    `repeat_every`: updates of a firing alert come at most so often (none when absent); a higher level always comes.
    """

    name: Slug
    description: str = Field(default="", max_length=500)
    filters: Filters = Filters()
    group_by: GroupBy = GroupBy.PLACE
    window: Duration
    fire_when: FireWhen
    resolve_when: ResolveWhen
    lateness: Duration = Field(
        default_factory=lambda data: (
            min(DEFAULT_LATENESS, data["resolve_when"].hold) if "resolve_when" in data else DEFAULT_LATENESS
        )
    )
    severity: Severity = Severity.WARNING
    repeat_every: Duration | None = None

    @property
    def exit_stories(self) -> int:
        """Fewer stories than this let the alert resolve."""
        return self.resolve_when.stories_below or self.fire_when.stories

    @property
    def exit_level(self) -> int:
        """The level from which a story still counts against resolving."""
        return self.fire_when.level if self.resolve_when.level is None else self.resolve_when.level

    @cached_property
    def version(self) -> str:
        """A digest of the rule's content without its description, so that an edit shows in its alerts."""
        content = self.model_dump(mode="json", exclude={"description"})
        return digest_id(json.dumps(content, sort_keys=True))[:16]

    @model_validator(mode="after")
    def _fits_together(self) -> "Rule":
        fire, leave = self.fire_when, self.resolve_when
        if not timedelta(seconds=1) <= self.window <= MAX_WINDOW:
            raise _wrong("window", "must be between 1s and 30d")
        if leave.hold > MAX_WINDOW:
            raise _wrong("resolve_when.hold", "must not be longer than 30d")
        if self.exit_stories > fire.stories:
            raise _wrong("resolve_when.stories_below", f"must not exceed fire_when.stories ({fire.stories})")
        if self.exit_level > fire.level:
            raise _wrong("resolve_when.level", f"must not exceed fire_when.level ({fire.level})")
        if self.lateness > leave.hold:
            raise _wrong(
                "lateness",
                f"must not be longer than resolve_when.hold ({format_duration(leave.hold)}), "
                "else a late article could split an alert that was announced",
            )
        if self.filters.min_level > fire.level:
            raise _wrong("filters.min_level", f"must not exceed fire_when.level ({fire.level})")
        if self.repeat_every is not None and self.repeat_every < timedelta(seconds=1):
            raise _wrong("repeat_every", "must be at least 1s")
        return self


def _wrong(field: str, reason: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{reason}", {"field": field, "reason": reason})
