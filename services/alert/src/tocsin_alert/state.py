"""The state of one group, and its compact JSON in Redis."""

import json
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from tocsin_alert.contribution import Contribution, Position
from tocsin_alert.rule import Rule
from tocsin_alert.timeline import Episode, Held
from tocsin_contracts.alert import Group
from tocsin_contracts.fields import Source
from tocsin_contracts.scale import Direction

STATE_VERSION: Final = 1


class UnreadableState(RuntimeError):
    """What Redis holds for a group is no state that this version can read."""


@dataclass(frozen=True, slots=True)
class Told:
    """What subscribers know of the alert that is firing: its identity, last revision, and what was said.

    `told_at` is when the last revision was sent; `pending`: something was counted since. Times in microseconds.
    """

    alert_id: str
    revision: int
    level: int
    starts_at: int
    told_at: int
    pending: bool
    direction: Direction
    topics: tuple[str, ...]
    places: tuple[str, ...]
    evidence: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class GroupState:
    """Everything the engine remembers of a group.

    `settled`: up to this moment of event time nothing can change any more, and `ongoing` is the episode that was open
    there. `held`: the contributions that still matter, oldest first. `told`: the alert that was announced and has not
    been resolved. `place_name`: the country's name, for people.
    """

    group: Group
    place_name: str | None = None
    settled: int | None = None
    ongoing: Episode | None = None
    held: tuple[Held, ...] = ()
    told: Told | None = None

    @property
    def is_idle(self) -> bool:
        """Whether forgetting the state would lose nothing."""
        return self.ongoing is None and not self.held and self.told is None


def dump_state(state: GroupState, rule: Rule) -> str:
    """Return the state as JSON: records as arrays, in the order of their fields, to keep a busy group small.

    The rule is kept beside it, so that an alert whose rule was removed can still be resolved.
    """
    told = state.told
    return json.dumps(
        {
            "v": STATE_VERSION,
            "group": [state.group.place, state.group.topic, state.place_name],
            "rule": rule.model_dump(mode="json", exclude_defaults=True),
            "settled": state.settled,
            "ongoing": _dump_episode(state.ongoing),
            "told": None
            if told is None
            else [
                told.alert_id,
                told.revision,
                told.level,
                told.starts_at,
                told.told_at,
                told.pending,
                told.direction,
                told.topics,
                told.places,
                [_dump_contribution(item) for item in told.evidence],
            ],
            "held": [[item.since, item.forget_at, *_dump_contribution(item.contribution)] for item in state.held],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def load_state(text: str) -> tuple[GroupState, Rule]:
    """Return the state that `dump_state` wrote, and the rule it was evaluated by.

    Raises UnreadableState.
    """
    try:
        data = json.loads(text)
        if data["v"] != STATE_VERSION:
            raise UnreadableState(f"the state has version {data['v']}, this service reads {STATE_VERSION}")
        place, topic, place_name = data["group"]
        state = GroupState(
            group=Group(place=place, topic=topic),
            place_name=place_name,
            settled=data["settled"],
            ongoing=None if data["ongoing"] is None else Episode(*data["ongoing"]),
            held=tuple(Held(_load_contribution(row[2:]), row[0], row[1]) for row in data["held"]),
            told=_load_told(data["told"]),
        )
        return state, Rule.model_validate(data["rule"])
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, ValidationError) as error:
        raise UnreadableState(f"the state is damaged: {type(error).__name__}") from error


def _dump_episode(episode: Episode | None) -> list[int | None] | None:
    if episode is None:
        return None
    return [episode.starts_at, episode.level, episode.met_at, episode.quiet_since]


def _load_told(row: list[Any] | None) -> Told | None:
    if row is None:
        return None
    alert_id, revision, level, starts_at, told_at, pending, direction, topics, places, evidence = row
    return Told(
        alert_id=alert_id,
        revision=revision,
        level=level,
        starts_at=starts_at,
        told_at=told_at,
        pending=pending,
        direction=Direction(direction),
        topics=tuple(topics),
        places=tuple(places),
        evidence=tuple(_load_contribution(item) for item in evidence),
    )


def _dump_contribution(item: Contribution) -> list[object]:
    """The fields in their order; the sentence, which came later, only where there is one."""
    return [
        item.article_id,
        item.revision,
        item.story_id,
        item.at,
        item.counts,
        item.level,
        item.direction,
        item.source.name,
        item.source.domain,
        item.title,
        item.url,
        item.topics,
        item.places,
        item.position.topic,
        item.position.partition,
        item.position.offset,
        *([] if item.sentence is None else [item.sentence]),
    ]


def _load_contribution(row: list[Any]) -> Contribution:
    article_id, revision, story_id, at, counts, level, direction, name, domain, title, url, topics, places, *rest = row
    topic, partition, offset, *sentence = rest
    return Contribution(
        article_id,
        revision,
        story_id,
        at,
        counts,
        level,
        Direction(direction),
        # The contract checked it when the message came; checking a thousand again at each evaluation takes longer
        # than the evaluation.
        Source.model_construct(name=name, domain=domain),
        title,
        url,
        tuple(topics),
        tuple(places),
        Position(topic, partition, offset),
        *sentence,
    )
