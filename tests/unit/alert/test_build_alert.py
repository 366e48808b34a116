"""The message of an alert: readable, explained by its evidence, and heard by those who asked."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_messages import Player, contribution, make_rule, moment
from tocsin_alert.build_alert import build_alert
from tocsin_alert.channels import channels_of
from tocsin_alert.durations import format_duration, parse_duration, readable_duration
from tocsin_alert.evidence import MAX_EVIDENCE, choose_evidence
from tocsin_alert.rule import Rule
from tocsin_alert.state import UnreadableState, load_state
from tocsin_contracts.alert import AlertV1, Status

pytestmark = pytest.mark.unit


def alerts_of(rule: Rule, *, level: int = 3, count: int = 4) -> list[AlertV1]:
    player = Player(rule)
    for number in range(count):
        player.arrive(contribution(f"a{number}", number, source=f"p{number % 3}", level=level), number)
    player.finish()
    return [build_alert(rule, player.state, item) for item in player.told]


def test_the_summary_is_one_readable_line() -> None:
    rule = make_rule(window="24h", resolve_when={"hold": "6h"}, fire_when={"stories": 4, "sources": 3, "level": 3})

    fired, resolved = alerts_of(rule, level=5)

    assert fired.summary == "Syria: war (level 5), 4 stories from 3 sources in 24 h"
    assert resolved.summary == "Syria: resolved, was war (level 5); fewer than 4 stories at level 3 or above for 6 h"
    assert resolved.status is Status.RESOLVED
    assert resolved.ends_at == moment(86_400) + timedelta(hours=6)
    assert AlertV1.model_validate_json(resolved.model_dump_json()) == resolved


def test_an_alert_without_place_and_topic_is_named_after_its_rule_and_lists_what_it_is_about() -> None:
    rule = make_rule(group_by="none")
    player = Player(rule)
    player.state = player.state.__class__(player.state.group.model_copy(update={"place": None}))
    player.arrive(contribution("a", 0), 0)
    [transition] = player.arrive(contribution("b", 0), 0)

    alert = build_alert(rule, player.state, transition)

    assert alert.summary.startswith("test-rule: violent crisis (level 3), 2 stories")
    assert (alert.places, alert.topics) == (["SY"], ["medtop:20000056"])


def test_channels_are_one_for_all_one_for_each_level_reached_and_each_topic_and_place() -> None:
    [fired, _] = alerts_of(make_rule(), count=2)

    assert channels_of(fired, "tocsin:") == [
        "tocsin:alerts",
        *(f"tocsin:alerts:level:{level}" for level in range(4)),
        "tocsin:alerts:topic:armed-conflict",
        "tocsin:alerts:place:SY",
    ]


articles = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(3, 5), st.integers(0, 30)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(articles, st.integers(1, 10), st.integers(1, 10), st.randoms())
def test_evidence_meets_the_threshold_whenever_the_whole_does_and_never_depends_on_the_order(
    rows: list[tuple[int, int, int, int]], stories: int, sources: int, random: object
) -> None:
    active = [
        contribution(f"a{index}", when, story=f"s{story}", source=f"p{source}", level=level)
        for index, (story, source, level, when) in enumerate(rows)
    ]

    chosen = choose_evidence(active, stories=stories, sources=sources)

    assert len(chosen) == min(len(active), MAX_EVIDENCE)
    assert len({item.story_id for item in chosen}) >= min(stories, len({item.story_id for item in active}))
    assert len({item.source_key for item in chosen}) >= min(sources, len({item.source_key for item in active}))
    random.shuffle(active)  # type: ignore[attr-defined]
    assert choose_evidence(active, stories=stories, sources=sources) == chosen


@pytest.mark.parametrize("text", ["40s", "90m", "24h", "7d"])
def test_durations_are_read_and_written_alike(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize("text", ["", "40", "s", "-1s", "1.5h", "1w", "1h30m", "٣h", "9999999999s", "1 000s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        parse_duration(text)


def test_durations_read_well_in_a_sentence() -> None:
    assert readable_duration(timedelta(days=7)) == "7 days"
    assert readable_duration(timedelta(hours=24)) == "24 h"
    assert readable_duration(timedelta(minutes=90)) == "90 min"


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"v":2}', '{"v":1,"group":[]}', "[" * 100_000])
def test_a_state_that_cannot_be_read_is_named_as_such(text: str) -> None:
    with pytest.raises(UnreadableState):
        load_state(text)
