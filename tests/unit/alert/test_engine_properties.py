"""What must hold of the engine whatever arrives, in whatever order, shown against a brute-force reference."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_messages import Arrival, Player, at, contribution, make_rule, play, seconds
from tocsin_alert.contribution import Contribution
from tocsin_alert.engine import MAX_HELD, MAX_PER_STORY, Kind, Transition
from tocsin_alert.moments import SECOND
from tocsin_alert.rule import Rule
from tocsin_contracts.scale import Direction

pytestmark = pytest.mark.unit

SOME = settings(max_examples=40, deadline=None)
LATENESS = 10


# The reference: second by second, no state but the machine's, everything counted anew at each second.


def reference(rule: Rule, arrivals: Sequence[Arrival]) -> list[tuple[int, int, int]]:
    """Return (start, highest level, end) of the episodes that a set of first revisions makes, by brute force."""
    window = int(rule.window.total_seconds())
    lateness = int(rule.lateness.total_seconds())
    hold = int(rule.resolve_when.hold.total_seconds())
    if not arrivals:
        return []
    first = min(seconds(item.contribution.at) for item in arrivals)
    last = max(item.received for item in arrivals) + 2 * window + 2 * hold + 2
    found: list[tuple[int, int, int]] = []
    start: int | None = None
    level = 0
    quiet_since: int | None = None
    for second in range(first, last):
        counted = [
            item.contribution
            for item in arrivals
            if max(seconds(item.contribution.at), item.received - lateness)
            <= second
            < seconds(item.contribution.at) + window
        ]
        if start is not None and quiet_since is not None and second >= quiet_since + hold:
            found.append((start, level, second))
            start, level, quiet_since = None, 0, None
        met = [
            tried
            for tried in range(rule.fire_when.level, 6)
            if len({c.story_id for c in counted if c.level >= tried}) >= rule.fire_when.stories
            and len({c.source.name for c in counted if c.level >= tried}) >= rule.fire_when.sources
        ]
        left = len({c.story_id for c in counted if c.level >= rule.exit_level})
        if met:
            start = second if start is None else start
            level = max(level, *met)
        if start is not None:
            if left >= rule.exit_stories:
                quiet_since = None
            elif quiet_since is None:
                quiet_since = second
    assert start is None
    return found


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    stories = draw(st.integers(1, 3))
    level = draw(st.integers(2, 4))
    return make_rule(
        window=f"{draw(st.sampled_from([20, 40, 60]))}s",
        lateness=f"{LATENESS}s",
        fire_when={"stories": stories, "sources": draw(st.integers(1, 2)), "level": level},
        resolve_when={
            "stories_below": draw(st.integers(1, stories)),
            "level": draw(st.integers(1, level)),
            "hold": f"{draw(st.sampled_from([10, 15, 40]))}s",
        },
        repeat_every=draw(st.sampled_from([None, "1s", "30s"])),
    )


def contributions(longest: int = 160) -> st.SearchStrategy[list[Contribution]]:
    one = st.tuples(
        st.integers(0, longest), st.integers(0, 4), st.integers(0, 3), st.integers(1, 5), st.sampled_from(Direction)
    )
    return st.lists(one, max_size=14).map(
        lambda rows: [
            contribution(f"a{index}", when, story=f"s{story}", source=f"p{source}", level=level, direction=direction)
            for index, (when, story, source, level, direction) in enumerate(rows)
        ]
    )


def arrivals_of(items: Sequence[Contribution], delays: Sequence[int]) -> list[Arrival]:
    return [Arrival(item, seconds(item.at) + delay) for item, delay in zip(items, delays, strict=False)]


def delays(longest: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, longest), min_size=14, max_size=14)


looks = st.lists(st.integers(0, 300), max_size=6)


@SOME
@given(rules(), contributions(), delays(LATENESS), delays(LATENESS), looks, looks)
def test_order_within_the_lateness_does_not_change_the_outcome(
    rule: Rule, items: list[Contribution], one: list[int], other: list[int], looks1: list[int], looks2: list[int]
) -> None:
    on_time = reference(rule, [Arrival(item, seconds(item.at)) for item in items])

    assert play(rule, arrivals_of(items, one), looks=looks1).episodes == on_time
    assert play(rule, arrivals_of(items, other), looks=looks2).episodes == on_time


@SOME
@given(rules(), contributions(), delays(120), looks)
def test_the_engine_agrees_with_the_reference_however_late_articles_come(
    rule: Rule, items: list[Contribution], late: list[int], extra: list[int]
) -> None:
    arrivals = arrivals_of(items, late)

    assert play(rule, arrivals, looks=extra).episodes == reference(rule, arrivals)


@SOME
@given(rules(), contributions(), delays(60), looks)
def test_each_alert_fires_once_counts_its_revisions_and_resolves_exactly_once(
    rule: Rule, items: list[Contribution], late: list[int], extra: list[int]
) -> None:
    check_protocol(play(rule, arrivals_of(items, late), looks=extra).told)


@SOME
@given(rules(), contributions(), delays(60), looks)
def test_whatever_fires_or_rises_shows_its_threshold_met_by_its_evidence(
    rule: Rule, items: list[Contribution], late: list[int], extra: list[int]
) -> None:
    for item in play(rule, arrivals_of(items, late), looks=extra).told:
        if item.kind in (Kind.FIRED, Kind.RAISED):
            shown = [article for article in item.evidence if article.level >= item.level]
            assert len({article.story_id for article in shown}) >= rule.fire_when.stories
            assert len({article.source_key for article in shown}) >= rule.fire_when.sources
        if item.kind is not Kind.RESOLVED:
            assert item.measured_at <= item.told_at
            assert item.stories >= rule.fire_when.stories
            assert item.sources >= rule.fire_when.sources


@SOME
@given(rules(), contributions(), delays(60), st.integers(0, 13), st.integers(0, 200))
def test_replaying_any_prefix_changes_nothing(
    rule: Rule, items: list[Contribution], late: list[int], length: int, pause: int
) -> None:
    arrivals = sorted(arrivals_of(items, late), key=lambda item: item.received)
    player = Player(rule)
    for item in arrivals:
        player.arrive(item.contribution, item.received)
    now = max((item.received for item in arrivals), default=0) + pause
    player.wait_until(now)
    player.evaluate_now(now)
    before = player.state

    for item in arrivals[:length]:
        assert player.arrive(item.contribution, now) == []

    assert player.state == before


@SOME
@given(rules(), contributions(), delays(60), st.data())
def test_revisions_and_repeats_never_break_the_sequence_of_an_alert(
    rule: Rule, items: list[Contribution], late: list[int], data: st.DataObject
) -> None:
    revised = []
    for item in arrivals_of(items, late):
        revised.append(item)
        for revision in range(2, data.draw(st.integers(2, 4))):
            later = item.received + data.draw(st.integers(0, 60))
            moved = data.draw(st.integers(-20, 60))
            revised.append(
                Arrival(
                    replace(
                        item.contribution,
                        revision=revision,
                        level=data.draw(st.integers(1, 5)),
                        counts=data.draw(st.booleans()),
                        at=min(item.contribution.at + moved * SECOND, at(later)),
                    ),
                    later,
                )
            )
    repeated = data.draw(st.lists(st.sampled_from(revised), max_size=6)) if revised else []
    again = [Arrival(item.contribution, item.received + data.draw(st.integers(0, 90))) for item in repeated]

    once, twice = play(rule, revised), play(rule, [*revised, *again])

    check_protocol(once.told)
    assert twice.episodes == once.episodes


@SOME
@given(
    rules(), contributions(), delays(LATENESS), delays(LATENESS), st.lists(st.integers(1, 5), min_size=14, max_size=14)
)
def test_a_higher_revision_replaces_the_lower_whichever_comes_first(
    rule: Rule, items: list[Contribution], one: list[int], other: list[int], levels: list[int]
) -> None:
    edited = [replace(item, revision=2, level=level) for item, level in zip(items, levels, strict=False)]
    alone = play(rule, arrivals_of(edited, one))
    late = [max(delay, first) for delay, first in zip(other, one, strict=True)]

    # The first revision arrives after the second, so it must leave no trace at all.
    both = play(rule, [*arrivals_of(edited, one), *arrivals_of(items, late)])

    assert both.told == alone.told


@SOME
@given(contributions(), st.lists(st.integers(0, 1), min_size=14, max_size=14))
def test_copies_of_a_story_and_of_a_source_count_once(items: list[Contribution], copies: list[int]) -> None:
    rule = make_rule(fire_when={"stories": 2, "sources": 2, "level": 2}, resolve_when={"hold": "15s"})
    arrivals = [Arrival(item, seconds(item.at)) for item in items]
    copied = [
        Arrival(replace(item.contribution, article_id=item.contribution.article_id[::-1]), item.received)
        for item, copy in zip(arrivals, copies, strict=False)
        if copy
    ]

    assert play(rule, [*arrivals, *copied]).episodes == play(rule, arrivals).episodes


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), min_size=1, max_size=30), st.randoms())
def test_the_state_is_bounded_and_what_is_dropped_depends_on_the_set_alone(
    rows: list[tuple[int, int]], random: object
) -> None:
    rule = make_rule(window="1h", lateness="10m", resolve_when={"hold": "10m"})
    items = [
        contribution(f"a{index}-{copy}", when + copy / 100, story=f"s{story}")
        for index, (when, story) in enumerate(rows)
        for copy in range(10)
    ]
    shuffled = list(items)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = Player(rule), Player(rule)
    for item in items:
        one._evaluate(item, at(60))
    for item in shuffled:
        other._evaluate(item, at(60))

    assert one.state.held == other.state.held
    assert len(one.state.held) <= MAX_HELD
    per_story: dict[str, int] = defaultdict(int)
    for held in one.state.held:
        per_story[held.contribution.story_id] += 1
    assert max(per_story.values()) <= MAX_PER_STORY


@SOME
@given(rules(), contributions(), delays(60), st.lists(st.integers(-30, 30), min_size=14, max_size=14))
def test_clocks_that_disagree_between_workers_never_break_the_sequence(
    rule: Rule, items: list[Contribution], late: list[int], skews: list[int]
) -> None:
    player = Player(rule)
    arrivals = sorted(arrivals_of(items, late), key=lambda item: item.received)
    for item, skew in zip(arrivals, skews, strict=False):
        player._evaluate(item.contribution, at(item.received + skew))
    player.finish()

    check_protocol(player.told)


def check_protocol(told: Sequence[Transition]) -> None:
    """One alert at a time: fired as revision 1, revisions by one, the level never falls, resolved once."""
    firing: Transition | None = None
    identities = set()
    for item in told:
        if firing is None:
            assert item.kind is Kind.FIRED
            assert item.revision == 1
            assert item.alert_id not in identities
            identities.add(item.alert_id)
            assert item.ends_at is None
        else:
            assert item.alert_id == firing.alert_id
            assert item.revision == firing.revision + 1
            assert item.kind is not Kind.FIRED
            assert item.level >= firing.level
            assert (item.kind is Kind.RAISED) == (item.ends_at is None and item.level > firing.level)
            assert item.told_at >= firing.told_at or item.kind is Kind.RESOLVED
        firing = None if item.kind is Kind.RESOLVED else item
        if item.kind is Kind.RESOLVED:
            assert item.ends_at is not None
            assert item.ends_at >= item.starts_at
        if item.kind in (Kind.FIRED, Kind.RAISED):
            assert item.stories > 0
    assert firing is None
