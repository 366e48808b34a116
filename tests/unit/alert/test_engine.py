"""The engine's behaviour, one promise at a time."""

import pytest

from alert_messages import Arrival, Player, at, contribution, make_rule, play, seconds
from tocsin_alert.engine import Kind, evaluate, next_due
from tocsin_alert.moments import SECOND
from tocsin_alert.state import GroupState, dump_state
from tocsin_contracts.alert import Group
from tocsin_contracts.scale import Direction

pytestmark = pytest.mark.unit


def kinds(player: Player) -> list[Kind]:
    return [item.kind for item in player.told]


def test_it_fires_when_enough_stories_from_enough_sources_are_in_the_window() -> None:
    player = Player(make_rule())

    assert player.arrive(contribution("a", 0), 0) == []
    assert player.arrive(contribution("b", 5, source="source-a"), 5) == [], "two stories, but one source"
    assert player.arrive(contribution("c", 6, story="a"), 6) != []

    [fired] = player.told
    assert (fired.kind, fired.revision, fired.level) == (Kind.FIRED, 1, 3)
    assert (fired.articles, fired.stories, fired.sources) == (3, 2, 2)
    assert seconds(fired.starts_at) == 6


def test_copies_of_one_report_never_fire() -> None:
    arrivals = [Arrival(contribution(f"a{number}", number, story="one"), number) for number in range(10)]

    assert play(make_rule(), arrivals).told == []


def test_reports_further_apart_than_the_window_do_not_fire() -> None:
    assert play(make_rule(), [Arrival(contribution("a", 0), 0), Arrival(contribution("b", 40), 40)]).told == []
    assert play(make_rule(), [Arrival(contribution("a", 0), 0), Arrival(contribution("b", 39), 39)]).told != []


def test_articles_published_days_ago_do_not_fire_now() -> None:
    rule = make_rule(window="24h", lateness="1h", resolve_when={"hold": "6h"})
    two_days = 2 * 86_400
    old = [Arrival(contribution(f"a{number}", number), two_days) for number in range(5)]

    player = play(rule, old)

    assert player.told == []
    assert player.state.is_idle


def test_an_article_later_than_the_lateness_still_counts_while_it_is_in_the_window() -> None:
    player = play(make_rule(), [Arrival(contribution("a", 0), 30), Arrival(contribution("b", 1), 30)])

    # Both count from 30 s - 10 s on, and no longer than until 40 s and 41 s.
    assert player.episodes == [(20, 3, 55)]


def test_an_event_time_in_the_future_is_taken_as_now() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)

    [fired] = player.arrive(contribution("b", 5_000), 1)

    assert seconds(fired.starts_at) == 1
    assert all(item.contribution.at <= at(1) for item in player.state.held)


def test_a_higher_level_breaks_through_repeat_every_and_is_sent_at_once() -> None:
    player = Player(make_rule(repeat_every="1h"))
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 1), 1)
    player.arrive(contribution("c", 2, level=5), 2)

    [raised] = player.arrive(contribution("d", 3, level=5), 3)

    assert (raised.kind, raised.revision, raised.level) == (Kind.RAISED, 2, 5)
    assert [item.level for item in raised.evidence[:2]] == [5, 5]


def test_one_article_alone_does_not_raise_the_level() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 1), 1)

    assert player.arrive(contribution("c", 2, level=5), 2) == []


def test_updates_come_at_most_every_repeat_every_and_only_when_more_was_counted() -> None:
    player = Player(make_rule(repeat_every="10s"))
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 0), 0)
    player.arrive(contribution("c", 3), 3)
    player.arrive(contribution("d", 4), 4)
    assert kinds(player) == [Kind.FIRED]

    player.wait_until(30)

    assert kinds(player) == [Kind.FIRED, Kind.UPDATED]
    assert player.told[-1].told_at == at(10)
    assert player.told[-1].stories == 4


def test_without_repeat_every_there_are_no_updates() -> None:
    arrivals = [Arrival(contribution(f"a{number}", number), number) for number in range(20)]

    assert kinds(play(make_rule(), arrivals)) == [Kind.FIRED, Kind.RESOLVED]


def test_it_resolves_after_the_hold_and_says_so_when_no_late_article_can_change_it() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 5), 5)

    # "a" leaves at 40 s, the hold of 15 s ends at 55 s, the lateness of 10 s at 65 s.
    assert player.wait_until(64) == []
    [resolved] = player.wait_until(65)

    assert seconds(resolved.ends_at or 0) == 55
    assert resolved.evidence == player.told[0].evidence


def test_a_count_that_swings_around_the_threshold_does_not_flap() -> None:
    rule = make_rule(
        window="20s",
        fire_when={"stories": 3, "sources": 1, "level": 3},
        resolve_when={"stories_below": 2, "hold": "15s"},
    )
    # Waves of three stories every 25 s: the count goes 3, 0, 3, 0, each time quiet for less than the hold.
    arrivals = [
        Arrival(contribution(f"w{wave}-{number}", wave * 25 + number), wave * 25 + number)
        for wave in range(8)
        for number in range(3)
    ]

    player = play(rule, arrivals)

    assert kinds(player) == [Kind.FIRED, Kind.RESOLVED]
    assert (
        len(
            play(
                make_rule(**{**rule.model_dump(mode="json"), "lateness": "0s", "resolve_when": {"hold": "1s"}}),
                arrivals,
            ).episodes
        )
        == 8
    )


def test_the_exit_threshold_keeps_an_alert_that_could_not_fire_again() -> None:
    rule = make_rule(
        fire_when={"stories": 3, "sources": 1, "level": 3}, resolve_when={"stories_below": 1, "hold": "15s"}
    )
    arrivals = [Arrival(contribution(f"a{number}", 0), 0) for number in range(3)]
    # One story each 30 s from then on: never three, never none.
    arrivals += [Arrival(contribution(f"b{number}", number * 30), number * 30) for number in range(1, 6)]

    assert play(rule, arrivals).episodes == [(0, 3, 150 + 40 + 15)]


def test_a_late_article_within_the_lateness_keeps_an_alert_whose_end_was_near() -> None:
    rule = make_rule(resolve_when={"stories_below": 1, "hold": "15s"})
    first = [Arrival(contribution("a", 0), 0), Arrival(contribution("b", 0), 0)]

    assert play(rule, first).episodes == [(0, 3, 55)]
    # Published at 54 s, before the end at 55 s, and received at 63 s, before the end has settled.
    assert play(rule, [*first, Arrival(contribution("c", 54), 63)]).episodes == [(0, 3, 54 + 40 + 15)]


def test_a_new_episode_waits_until_the_end_of_the_last_one_has_settled() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 0), 0)
    player.arrive(contribution("c", 57), 57)
    player.arrive(contribution("d", 58), 58)
    assert kinds(player) == [Kind.FIRED]

    player.wait_until(65)

    assert kinds(player) == [Kind.FIRED, Kind.RESOLVED, Kind.FIRED]
    assert player.told[1].alert_id != player.told[2].alert_id
    assert seconds(player.told[2].starts_at) == 58


def test_a_revision_replaces_the_article_it_edits() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("a", 0, revision=2, level=1, counts=False), 1)

    assert player.arrive(contribution("b", 2), 2) == []
    assert player.arrive(contribution("a", 0), 3) == [], "the first revision came again"
    assert player.arrive(contribution("a", 0, revision=3), 4) != []


def test_an_alert_whose_articles_are_all_withdrawn_resolves_after_the_hold() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 0), 0)
    player.arrive(contribution("a", 0, revision=2, counts=False), 2)
    player.arrive(contribution("b", 0, revision=2, counts=False), 3)

    player.finish()

    assert kinds(player) == [Kind.FIRED, Kind.RESOLVED]
    assert player.told[-1].level == 3


def test_an_article_edited_every_minute_is_held_in_few_revisions() -> None:
    player = Player(make_rule(window="1h", resolve_when={"hold": "15s"}))
    for revision in range(1, 500):
        player.arrive(contribution("live", 0, revision=revision), revision)

    assert len(player.state.held) <= 12


def test_the_direction_is_the_one_most_stories_report() -> None:
    rule = make_rule(fire_when={"stories": 3, "sources": 1, "level": 3})
    player = Player(rule)
    player.arrive(contribution("a", 0, direction=Direction.UNCHANGED), 0)
    player.arrive(contribution("b", 0, direction=Direction.UNCHANGED), 0)

    [fired] = player.arrive(contribution("c", 0, direction=Direction.ESCALATING), 0)

    assert fired.direction is Direction.UNCHANGED


def test_a_change_of_the_rule_never_leaves_an_alert_without_its_end() -> None:
    player = Player(make_rule())
    player.arrive(contribution("a", 0), 0)
    player.arrive(contribution("b", 0), 0)
    player.rule = make_rule(fire_when={"stories": 9, "sources": 2, "level": 5}, lateness="15s")

    player.finish()

    assert kinds(player) == [Kind.FIRED, Kind.RESOLVED]


def test_a_group_of_a_thousand_articles_is_evaluated_within_moments() -> None:
    import time

    rule = make_rule(window="24h", lateness="1h", resolve_when={"hold": "6h"})
    state = GroupState(Group(place="SY"), "Syria")
    for number in range(999):
        item = contribution(f"a{number}", number * 60, story=f"s{number // 3}", source=f"p{number % 40}")
        state, _ = evaluate(rule, state, item, item.at + SECOND)
    assert len(state.held) == 999

    begun = time.process_time()
    state, _ = evaluate(rule, state, contribution("last", 60_000), at(60_001))
    next_due(rule, state)

    # Some 15 ms of processor time when measured; the bound only catches a change of its order of growth.
    assert time.process_time() - begun < 0.5
    assert len(dump_state(state, rule)) < 400_000
