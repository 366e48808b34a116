"""From a set of contributions to the episodes they make, along event time. Pure.

At a moment τ the contributions active are those that arrived in time and have not left the window. The threshold is
*met at level L* when the active ones at level L or above come from enough distinct stories and sources. An episode
starts when the threshold is met at the rule's level, its level is the highest at which the threshold was met while it
lasted, and it ends when too few stories were active for the whole of the hold: separate thresholds, so that a count
which swings around one of them does not flap.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from tocsin_alert.contribution import Contribution
from tocsin_alert.moments import span
from tocsin_alert.rule import Rule

HIGHEST: Final = 5


@dataclass(frozen=True, slots=True)
class Held:
    """A contribution of a group, with when it counts.

    `since`: from when it counts (its event time, or later when it arrived later than the lateness allows).
    `forget_at`: until when it must be kept so that a repeat of it, or of a revision it replaced, is recognised.
    """

    contribution: Contribution
    since: int
    forget_at: int


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of event time in which a group rings.

    `level`: the highest at which the threshold was met; `met_at`: when, until now, it was last met at that level;
    `quiet_since`: since when the exit threshold is undercut, if it is; `ends_at`: when it ends if nothing more comes
    (None only while the sweep has not got there).
    """

    starts_at: int
    level: int
    met_at: int
    quiet_since: int | None = None
    ends_at: int | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """The stretch [since, until) in which a held contribution counts; `latest`: no later revision is known."""

    held: Held
    until: int
    latest: bool

    @property
    def counts(self) -> bool:
        """Whether it counts at all: it does not withdraw, and the stretch is not empty."""
        return self.held.contribution.counts and self.held.since < self.until


def intervals(rule: Rule, held: Iterable[Held]) -> list[Interval]:
    """Return when each contribution counts: until it leaves the window or a later revision takes its place."""
    window = span(rule.window)
    by_article: dict[str, list[Held]] = defaultdict(list)
    for item in held:
        by_article[item.contribution.article_id].append(item)
    found = []
    for revisions in by_article.values():
        revisions.sort(key=lambda item: -item.contribution.revision)
        replaced_at: int | None = None
        for item in revisions:
            leaves_at = item.contribution.at + window
            until = leaves_at if replaced_at is None else min(leaves_at, replaced_at)
            found.append(Interval(item, until, latest=replaced_at is None))
            replaced_at = item.since if replaced_at is None else min(replaced_at, item.since)
    return found


def active_at(moment: int, among: Iterable[Interval]) -> list[Contribution]:
    """Return the contributions that count at `moment`."""
    return [item.held.contribution for item in among if item.counts and item.held.since <= moment < item.until]


class _Tally:
    """Distinct stories and sources per level, as contributions come and go."""

    def __init__(self, rule: Rule) -> None:
        self._fire = rule.fire_when
        self._exit_level, self._exit_stories = rule.exit_level, rule.exit_stories
        self._stories: list[dict[str, int]] = [{} for _ in range(HIGHEST + 1)]
        self._sources: list[dict[str, int]] = [{} for _ in range(HIGHEST + 1)]

    def change(self, contribution: Contribution, by: int) -> None:
        story, source = contribution.story_id, contribution.source_key
        for level in range(self._exit_level, contribution.level + 1):
            for counts, key in ((self._stories[level], story), (self._sources[level], source)):
                left = counts.get(key, 0) + by
                if left:
                    counts[key] = left
                else:
                    del counts[key]

    def met_level(self) -> int | None:
        """Return the highest level at which the threshold is met, None when it is not."""
        for level in range(HIGHEST, self._fire.level - 1, -1):
            if len(self._stories[level]) >= self._fire.stories and len(self._sources[level]) >= self._fire.sources:
                return level
        return None

    def is_quiet(self) -> bool:
        return len(self._stories[self._exit_level]) < self._exit_stories


@dataclass(frozen=True, slots=True)
class Sweep:
    """The outcome of a sweep: the episodes in order, all with an end, and the one that is open at `settled`, if any."""

    episodes: tuple[Episode, ...]
    ongoing: Episode | None


def sweep(
    rule: Rule, among: Sequence[Interval], *, start: int, ongoing: Episode | None, settled: int, now: int
) -> Sweep:
    """Follow event time from `start`, where the episode `ongoing` was open, to where nothing counts any more.

    What happened before `start` is taken as done; `settled` (not before `start`) is where the next sweep will begin.
    What comes after `now` is what will be if nothing more arrives.
    """
    hold = span(rule.resolve_when.hold)
    tally = _Tally(rule)
    changes: list[tuple[int, int, Contribution]] = []
    for item in among:
        contribution = item.held.contribution
        if not item.counts or item.until < start or contribution.level < rule.exit_level:
            continue
        if item.held.since < start:
            tally.change(contribution, 1)
        else:
            changes.append((item.held.since, 1, contribution))
        changes.append((item.until, -1, contribution))
    changes.sort(key=itemgetter(0))

    machine = _Machine(ongoing, hold, now)
    if tally.is_quiet():
        # Only after a change of the rule, or when the cap dropped what kept the episode open.
        machine.step(start, None, is_quiet=True)
    checkpoint, is_kept = machine.current, False
    index, count = 0, len(changes)
    while index < count:
        moment = changes[index][0]
        if not is_kept and moment >= settled:
            machine.end_if_quiet(settled)
            checkpoint, is_kept = machine.current, True
        machine.end_if_quiet(moment)
        while index < count and changes[index][0] == moment:
            tally.change(changes[index][2], changes[index][1])
            index += 1
        machine.step(moment, tally.met_level(), is_quiet=tally.is_quiet())
    if not is_kept:
        machine.end_if_quiet(settled)
        checkpoint = machine.current
    # Nothing counts any more, so it has been quiet since the last change at the latest.
    machine.end_if_quiet(sys.maxsize)
    return Sweep(tuple(machine.ended), checkpoint)


class _Machine:
    """Idle or in an episode; fed the changes in the order of event time."""

    def __init__(self, ongoing: Episode | None, hold: int, now: int) -> None:
        self._hold, self._now = hold, now
        self.ended: list[Episode] = []
        self._is_on = ongoing is not None
        self._starts_at = self._level = self._met_at = 0
        self._quiet_since: int | None = None
        if ongoing is not None:
            self._starts_at, self._level = ongoing.starts_at, ongoing.level
            self._met_at, self._quiet_since = ongoing.met_at, ongoing.quiet_since

    @property
    def current(self) -> Episode | None:
        """The episode that is open."""
        if not self._is_on:
            return None
        return Episode(self._starts_at, self._level, self._met_at, self._quiet_since)

    def end_if_quiet(self, moment: int) -> None:
        """End the episode when its hold has run out by `moment`; what comes at that very moment is too late."""
        if self._is_on and self._quiet_since is not None and self._quiet_since + self._hold <= moment:
            ends_at = self._quiet_since + self._hold
            self.ended.append(Episode(self._starts_at, self._level, self._met_at, self._quiet_since, ends_at))
            self._is_on = False

    def step(self, moment: int, met_level: int | None, *, is_quiet: bool) -> None:
        """Take what holds from `moment` on: the level at which the threshold is met, and whether it is quiet."""
        if met_level is not None:
            if not self._is_on:
                self._is_on, self._starts_at, self._level, self._met_at = True, moment, met_level, moment
            if met_level >= self._level and moment <= self._now:
                self._level, self._met_at = met_level, moment
            self._quiet_since = None
        elif not is_quiet:
            self._quiet_since = None
        elif self._is_on and self._quiet_since is None:
            self._quiet_since = moment
