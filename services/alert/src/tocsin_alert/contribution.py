"""What one revision of one article brings to a rule."""

from dataclasses import dataclass, replace
from typing import Final, Self

from tocsin_alert.moments import from_micros, to_micros
from tocsin_alert.rule import Filters, PlacesRole, Rule
from tocsin_contracts.alert import Evidence
from tocsin_contracts.classified import ClassifiedV1, EvidencePart, PlaceRole
from tocsin_contracts.cut_line import cut_line
from tocsin_contracts.fields import Source
from tocsin_contracts.scale import Direction

MAX_TITLE: Final = 300
MAX_URL: Final = 1_000
MAX_SENTENCE: Final = 200
MAX_TAGS: Final = 8
"""The state of a busy group holds a thousand contributions, so each is kept short. An article tagged with more topics
or places than this names them in passing."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a message stands on Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """One revision of an article, identified by `article_id` and `revision`; copies of a report share `story_id`.

    `at` is the event time in microseconds. `counts` is false when this revision withdraws what an earlier revision
    contributed: an edit lowered its level, say, or took away the place.
    """

    article_id: str
    revision: int
    story_id: str
    at: int
    counts: bool
    level: int
    direction: Direction
    source: Source
    title: str
    url: str | None
    topics: tuple[str, ...]
    places: tuple[str, ...]
    position: Position
    sentence: str | None = None

    @property
    def source_key(self) -> str:
        """What makes two sources the same: the domain, else the name without regard to case."""
        return self.source.domain or self.source.name.casefold()

    def withdrawn(self) -> Self:
        """Return the same revision as one that counts for nothing."""
        return replace(self, counts=False, sentence=None)


def event_time(classified: ClassifiedV1) -> int:
    """Return the article's event time in microseconds: when it was published, else fetched.

    A time of publication after the fetch is a wrong clock or a wrong zone; the fetch is then the better witness.
    """
    fetched = to_micros(classified.fetched_at)
    return fetched if classified.published_at is None else min(to_micros(classified.published_at), fetched)


def contribute(rule: Rule, classified: ClassifiedV1, position: Position) -> Contribution:
    """Return what `classified`, read at `position`, brings to `rule`; `counts` says whether it passes the filters."""
    counts = _passes(rule, classified)
    topics = sorted(classified.topics, key=lambda topic: (-topic.score, topic.code))
    return Contribution(
        article_id=classified.article_id,
        revision=classified.revision,
        story_id=classified.story_id,
        at=event_time(classified),
        counts=counts,
        level=classified.escalation.level,
        direction=classified.escalation.direction,
        source=classified.source,
        title=classified.title[:MAX_TITLE],
        url=classified.url if classified.url is not None and len(classified.url) <= MAX_URL else None,
        topics=tuple(topic.code for topic in topics[:MAX_TAGS]),
        places=main_places(rule.filters, classified),
        position=position,
        # What counts for nothing is never shown, and the state of a busy group is large.
        sentence=strongest_sentence(classified) if counts else None,
    )


def strongest_sentence(classified: ClassifiedV1) -> str | None:
    """Return the sentence of the text that carries the level most, cut to MAX_SENTENCE; the title is shown anyway."""
    for sentence in classified.evidence:
        if sentence.part is EvidencePart.TEXT:
            return cut_line(sentence.text, MAX_SENTENCE)
    return None


def main_places(filters: Filters, classified: ClassifiedV1) -> tuple[str, ...]:
    """Return the countries that the article is about, most named first, then the surest."""
    anywhere = filters.places_role is PlacesRole.ANY
    wanted = (place for place in classified.places if anywhere or place.role is PlaceRole.SCENE)
    places = sorted(wanted, key=lambda place: (-place.count, -place.score, place.country))
    if not places:
        return ()
    enough = places[0].count * filters.place_share
    named = dict.fromkeys(place.country for place in places if place.count >= enough)
    return tuple(named)[:MAX_TAGS]


def as_evidence(contribution: Contribution) -> Evidence:
    """Return the contribution as an alert shows it."""
    return Evidence(
        article_id=contribution.article_id,
        revision=contribution.revision,
        story_id=contribution.story_id,
        title=contribution.title,
        url=contribution.url,
        source=contribution.source,
        level=contribution.level,
        direction=contribution.direction,
        published_at=from_micros(contribution.at),
        topic=contribution.position.topic,
        partition=contribution.position.partition,
        offset=contribution.position.offset,
        sentence=contribution.sentence,
    )


def _passes(rule: Rule, classified: ClassifiedV1) -> bool:
    filters, escalation = rule.filters, classified.escalation
    # Below the exit level an article can neither fire an alert nor keep it.
    if escalation.level < max(filters.min_level, rule.exit_level) or escalation.confidence < filters.confidence:
        return False
    if escalation.abstained and not filters.include_abstained:
        return False
    if filters.directions and escalation.direction not in filters.directions:
        return False
    if filters.topics and not any(topic.code in filters.topics for topic in classified.topics):
        return False
    if filters.places and not any(country in filters.places for country in main_places(filters, classified)):
        return False
    return not filters.sources or _is_from(classified.source, filters.sources)


def _is_from(source: Source, wanted: list[str]) -> bool:
    for entry in wanted:
        name = entry.casefold()
        if source.name.casefold() == name:
            return True
        if source.domain is not None and (source.domain == name or source.domain.endswith(f".{name}")):
            return True
    return False
