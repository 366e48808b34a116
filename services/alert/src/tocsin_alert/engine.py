"""The rule engine: `evaluate(rule, state, contribution, now) -> state, transitions`. No clock, no client.

**What decides is the set of contributions along event time, not the order in which they arrive.**

1. A contribution with event time *t* that arrives at *now* counts in the stretch `[since, t + window)`, where
   `since = max(t, now - lateness)`. On time, or late by no more than the lateness, that is `[t, t + window)` whatever
   the order of arrival. Later than that, it counts from now - lateness on: it can still bring the present over the
   threshold, but not change the past. Older than window + lateness, the stretch is empty and it is ignored; so
   articles published days ago do not ring now. An event time in the future is taken as now.
2. A higher revision of the same article takes the place of the lower one from its own `since` on (wholly, when it
   came in time with the same event time). A revision that no longer passes the filters takes the place and counts for
   nothing. The same revision again is ignored, and so is a lower one that has been replaced.
3. From these stretches `timeline.sweep` derives the episodes: their start, their highest level and their end are a
   function of the set alone.
4. *Settled* is everything before now - lateness: no contribution can reach back there. What has settled is kept as
   one checkpoint (`GroupState.settled`, `ongoing`) and the contributions that left the window by then are forgotten.

**What is announced is the difference to what was announced before.** A group has at most one alert firing. An episode
is announced as soon as it is known, unless the one before it is still announced; it is resolved once its end has
settled, so `lateness` after its end: any earlier, an article still on its way could show that it had not ended, and
there is no way to take back "resolved". (For the same reason, a new episode that begins before the last one's end has
settled waits that long, at most `lateness`, while the last one is still shown as firing.) Rules demand
`hold >= lateness`, so that no late article can split an episode that was announced.

- *fired*: revision 1. *raised*: a higher level was reached; always sent at once. *updated*: more was counted; at most
  every `repeat_every`. *resolved*: exactly once. Revisions count up by one. The announced level never falls, so whoever
  was told "firing" at a level is told "resolved" too.
- When revisions withdraw all that an announced alert rested on, it resolves after the hold, like any other.

**Bounded:** of each story the newest `MAX_PER_STORY` contributions are kept and of those the newest `MAX_HELD`, by
event time and then by id. That, too, is a function of the set.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tocsin_alert.contribution import Contribution
from tocsin_alert.evidence import choose_evidence
from tocsin_alert.fingerprint import alert_id_of, fingerprint_of
from tocsin_alert.moments import span
from tocsin_alert.rule import GroupBy, Rule
from tocsin_alert.state import GroupState, Told
from tocsin_alert.timeline import Episode, Held, Interval, active_at, intervals, sweep
from tocsin_contracts.scale import Direction

MAX_HELD: Final = 1_000
MAX_PER_STORY: Final = 50
"""A rule asks for at most ten stories and ten sources, so what is dropped could not have been needed."""

MAX_ALERT_TAGS: Final = 64
"""As many topics or places as AlertV1 carries."""


class Kind(StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    RAISED = "raised"
    UPDATED = "updated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """One revision of one alert, to be announced.

    `measured_at` is the moment at whose window the counts were taken; `ends_at` is set when resolved. `evidence` of a
    resolved alert is what it was last announced with. Times in microseconds.
    """

    kind: Kind
    alert_id: str
    revision: int
    level: int
    direction: Direction
    starts_at: int
    ends_at: int | None
    measured_at: int
    told_at: int
    articles: int
    stories: int
    sources: int
    topics: tuple[str, ...]
    places: tuple[str, ...]
    evidence: tuple[Contribution, ...]


def evaluate(
    rule: Rule, state: GroupState, contribution: Contribution | None, now: int
) -> tuple[GroupState, list[Transition]]:
    """Return the group's next state and what is to be announced, in order.

    `contribution` is what just arrived, None when only time has passed; `now` in microseconds.
    """
    lateness = span(rule.lateness)
    settled = now - lateness if state.settled is None else max(state.settled, now - lateness)
    start = settled if state.settled is None else state.settled
    held, is_news = state.held, False
    if contribution is not None:
        admitted = _admit(rule, held, contribution, settled=settled, now=now)
        is_news = admitted is not held and contribution.counts and contribution.level >= rule.fire_when.level
        held = admitted
    among = intervals(rule, held)
    swept = sweep(rule, among, start=start, ongoing=state.ongoing, settled=settled, now=now)

    told = replace(state.told, pending=True) if state.told is not None and is_news else state.told
    announcer = _Announcer(rule, state, among, now)
    told, transitions = announcer.announce(told, swept.episodes, settled)
    kept = tuple(item for item in _still_needed(among, settled))
    return replace(state, settled=settled, ongoing=swept.ongoing, held=kept, told=told), transitions


def next_due(rule: Rule, state: GroupState) -> int | None:
    """Return when the state must be looked at again if nothing arrives, in microseconds; None when it never must."""
    if state.settled is None or state.is_idle:
        return None
    lateness = span(rule.lateness)
    # Each is kept up to and including its `forget_at`.
    moments = [max(item.forget_at for item in state.held) + lateness + 1] if state.held else []
    settled = state.settled
    among = intervals(rule, state.held)
    swept = sweep(rule, among, start=settled, ongoing=state.ongoing, settled=settled, now=settled)
    if swept.episodes and swept.episodes[0].ends_at is not None:
        moments.append(swept.episodes[0].ends_at + lateness)
    if state.told is not None:
        if not swept.episodes:
            moments.append(_withdrawn_end(rule, state.told) + lateness)
        if state.told.pending and rule.repeat_every is not None:
            repeat_at = state.told.told_at + span(rule.repeat_every)
            if repeat_at > settled + lateness:
                moments.append(repeat_at)
    return min(moments, default=settled + lateness)


def _admit(
    rule: Rule, held: tuple[Held, ...], contribution: Contribution, *, settled: int, now: int
) -> tuple[Held, ...]:
    """Return what is held with the contribution among it, or `held` itself when the contribution changes nothing."""
    at = min(contribution.at, now)
    since = max(at, settled)
    leaves_at = at + span(rule.window)
    if leaves_at <= since:
        return held
    forget_at = leaves_at
    kept = []
    for item in held:
        other = item.contribution
        if other.article_id == contribution.article_id:
            if other.revision == contribution.revision:
                return held
            if other.revision > contribution.revision and item.since <= since:
                return held
            if other.revision < contribution.revision:
                forget_at = max(forget_at, item.forget_at)
                if item.since >= since:
                    continue
        kept.append(item)
    if at != contribution.at:
        contribution = replace(contribution, at=at)
    admitted = Held(contribution, since, forget_at)
    shed = _shed([*kept, admitted])
    return shed if any(item is admitted for item in shed) else held


def _order(item: Held) -> tuple[int, str, int]:
    return item.contribution.at, item.contribution.article_id, item.contribution.revision


def _shed(held: list[Held]) -> tuple[Held, ...]:
    """Return what is held in order, without the oldest that exceed the bounds."""
    held.sort(key=_order)
    newest: list[Held] = []
    per_story: dict[str, int] = defaultdict(int)
    for item in reversed(held):
        if len(newest) == MAX_HELD:
            break
        per_story[item.contribution.story_id] += 1
        if per_story[item.contribution.story_id] <= MAX_PER_STORY:
            newest.append(item)
    newest.reverse()
    return tuple(newest)


def _still_needed(among: Iterable[Interval], settled: int) -> Iterable[Held]:
    needed = [item.held for item in among if item.until >= settled or (item.latest and item.held.forget_at >= settled)]
    needed.sort(key=_order)
    return needed


def _withdrawn_end(rule: Rule, told: Told) -> int:
    """Return when an alert ends that rests on nothing any more."""
    return told.starts_at + span(rule.resolve_when.hold)


@dataclass(frozen=True, slots=True)
class _Measure:
    """What a moment's window holds at the rule's level and above."""

    active: tuple[Contribution, ...]
    stories: int
    sources: int

    @property
    def direction(self) -> Direction | None:
        """The direction most stories report; of equals the more worrying."""
        by_direction: dict[Direction, set[str]] = defaultdict(set)
        for item in self.active:
            by_direction[item.direction].add(item.story_id)
        worst_first = [item for item in Direction if item in by_direction]
        return max(worst_first, key=lambda item: len(by_direction[item]), default=None)


class _Announcer:
    """Says what has to be told, given the episodes and what was told."""

    def __init__(self, rule: Rule, state: GroupState, among: Sequence[Interval], now: int) -> None:
        self._rule, self._group, self._among, self._now = rule, state.group, among, now

    def announce(
        self, told: Told | None, episodes: Sequence[Episode], settled: int
    ) -> tuple[Told | None, list[Transition]]:
        transitions: list[Transition] = []
        if told is not None and not episodes and _withdrawn_end(self._rule, told) <= settled:
            transitions.append(self._resolve(told, told.starts_at, _withdrawn_end(self._rule, told)))
            return None, transitions
        for episode in episodes:
            ends_at = episode.ends_at
            if ends_at is None:  # pragma: no cover (a finished sweep gives every episode its end)
                raise RuntimeError("an episode without an end")
            if told is None:
                fired = self._fire(episode)
                transitions.append(fired)
                told = self._remember(fired)
            elif episode.level > told.level:
                raised = self._tell(Kind.RAISED, told, episode, episode.met_at)
                transitions.append(raised)
                told = self._remember(raised)
            elif ends_at > self._now and self._is_time_to_repeat(told) and self._is_met(self._now):
                updated = self._tell(Kind.UPDATED, told, episode, self._now)
                transitions.append(updated)
                told = self._remember(updated)
            if ends_at > settled:
                # The episodes after this one wait until it has settled whether they are not part of it.
                break
            last_told = replace(told, level=max(told.level, episode.level))
            transitions.append(self._resolve(last_told, episode.starts_at, ends_at))
            told = None
        return told, transitions

    def _is_time_to_repeat(self, told: Told) -> bool:
        every = self._rule.repeat_every
        return told.pending and every is not None and self._now >= told.told_at + span(every)

    def _measure(self, moment: int) -> _Measure:
        level = self._rule.fire_when.level
        active = tuple(item for item in active_at(moment, self._among) if item.level >= level)
        return _Measure(active, len({item.story_id for item in active}), len({item.source_key for item in active}))

    def _is_met(self, moment: int) -> bool:
        measure, fire = self._measure(moment), self._rule.fire_when
        return measure.stories >= fire.stories and measure.sources >= fire.sources

    def _fire(self, episode: Episode) -> Transition:
        return self._transition(
            Kind.FIRED,
            alert_id=alert_id_of(fingerprint_of(self._rule.name, self._group), episode.starts_at),
            revision=1,
            level=episode.level,
            starts_at=episode.starts_at,
            ends_at=None,
            measured_at=episode.met_at,
            before=None,
        )

    def _tell(self, kind: Kind, told: Told, episode: Episode, measured_at: int) -> Transition:
        return self._transition(
            kind,
            alert_id=told.alert_id,
            revision=told.revision + 1,
            level=max(told.level, episode.level),
            starts_at=episode.starts_at,
            ends_at=None,
            measured_at=measured_at,
            before=told,
        )

    def _resolve(self, told: Told, starts_at: int, ends_at: int) -> Transition:
        return self._transition(
            Kind.RESOLVED,
            alert_id=told.alert_id,
            revision=told.revision + 1,
            level=told.level,
            starts_at=starts_at,
            ends_at=ends_at,
            measured_at=ends_at,
            before=told,
        )

    def _transition(
        self,
        kind: Kind,
        *,
        alert_id: str,
        revision: int,
        level: int,
        starts_at: int,
        ends_at: int | None,
        measured_at: int,
        before: Told | None,
    ) -> Transition:
        measure, fire = self._measure(measured_at), self._rule.fire_when
        evidence = (
            before.evidence
            if kind is Kind.RESOLVED and before is not None
            else choose_evidence(measure.active, stories=fire.stories, sources=fire.sources)
        )
        direction = measure.direction or (Direction.UNCHANGED if before is None else before.direction)
        return Transition(
            kind=kind,
            alert_id=alert_id,
            revision=revision,
            level=level,
            direction=direction,
            starts_at=starts_at,
            ends_at=ends_at,
            measured_at=measured_at,
            told_at=self._now if before is None else max(self._now, before.told_at),
            articles=len(measure.active),
            stories=measure.stories,
            sources=measure.sources,
            topics=self._topics(measure, before),
            places=self._places(measure, before),
            evidence=evidence,
        )

    def _topics(self, measure: _Measure, before: Told | None) -> tuple[str, ...]:
        """Return what the alert is about. It only grows, so that whoever was told it fires is told it resolves."""
        if self._rule.group_by in (GroupBy.TOPIC, GroupBy.BOTH) and self._group.topic is not None:
            return (self._group.topic,)
        return _grow(() if before is None else before.topics, (item.topics for item in measure.active))

    def _places(self, measure: _Measure, before: Told | None) -> tuple[str, ...]:
        if self._rule.group_by in (GroupBy.PLACE, GroupBy.BOTH) and self._group.place is not None:
            return (self._group.place,)
        return _grow(() if before is None else before.places, (item.places for item in measure.active))

    @staticmethod
    def _remember(said: Transition) -> Told:
        return Told(
            alert_id=said.alert_id,
            revision=said.revision,
            level=said.level,
            starts_at=said.starts_at,
            told_at=said.told_at,
            pending=False,
            direction=said.direction,
            topics=said.topics,
            places=said.places,
            evidence=said.evidence,
        )


def _grow(before: tuple[str, ...], tags: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return the tags told before and those that at least a third of the articles share, the most frequent first."""
    rows = [tuple(row) for row in tags]
    counts = Counter(tag for row in rows for tag in row)
    common = [tag for tag, count in counts.items() if count * 3 >= len(rows)]
    common.sort(key=lambda tag: (-counts[tag], tag))
    return tuple(dict.fromkeys([*before, *common]))[:MAX_ALERT_TAGS]
