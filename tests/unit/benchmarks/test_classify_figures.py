"""What the benchmark makes of its rounds."""

import pytest

from benchmarks.classify.figures import (
    COMMAND,
    LIMIT,
    LIMIT_BATCHED,
    PIPELINE,
    SERVICE,
    Round,
    Spread,
    articles_a_day,
    faster_limit,
    judge,
    ratios,
    same_levels,
)
from benchmarks.classify.texts import LONG, SHORT
from benchmarks.classify.time_command import environment, rate_after_first_batch
from benchmarks.classify.time_service import read_memory

pytestmark = pytest.mark.unit


def test_a_spread_keeps_the_middle_and_both_ends() -> None:
    assert Spread.of([4.0, 1.0, 10.0]) == Spread(4.0, 1.0, 10.0)


def test_a_ratio_is_taken_within_each_round() -> None:
    # In the second round somebody else had the cores: both were slower, and their ratio is the same.
    rounds = [
        Round(1, SHORT, PIPELINE, 10.0),
        Round(1, SHORT, COMMAND, 80.0),
        Round(2, SHORT, PIPELINE, 5.0),
        Round(2, SHORT, COMMAND, 40.0),
        Round(3, SHORT, COMMAND, 500.0),
    ]
    assert ratios(rounds, SHORT, COMMAND, PIPELINE) == [8.0, 8.0]


def test_a_target_is_met_by_the_median_alone() -> None:
    rounds = [
        Round(number, LONG, contender, per_s)
        for number, (slow, fast) in enumerate([(1.0, 2.0), (1.0, 5.0), (1.0, 9.0)])
        for contender, per_s in ((PIPELINE, slow), (COMMAND, fast))
    ]
    (verdict,) = judge(rounds)
    assert verdict.met
    assert verdict.measured == Spread(5.0, 2.0, 9.0)
    assert not judge([Round(1, LONG, PIPELINE, 1.0), Round(1, LONG, COMMAND, 4.99)])[0].met


def test_the_service_is_held_against_the_faster_way_to_use_the_runtime() -> None:
    rounds = [
        Round(1, SHORT, LIMIT, 50.0),
        Round(1, SHORT, LIMIT_BATCHED, 100.0),
        Round(1, SHORT, SERVICE, 48.0),
    ]
    assert faster_limit(rounds, SHORT) == LIMIT_BATCHED
    assert [verdict.measured.median for verdict in judge(rounds)] == [0.48]


def test_memory_and_start_have_a_highest_value() -> None:
    rounds = [Round(1, SHORT, SERVICE, 1.0, first_s=6.0, peak_bytes=449_000_000)]
    assert [(verdict.unit, verdict.met) for verdict in judge(rounds)] == [("MB", True), ("s", False)]


def test_articles_a_day_are_rounded_to_what_was_measured() -> None:
    assert articles_a_day(37.3) == 3_200_000
    assert articles_a_day(0.5) == 43_000


def test_the_first_batch_does_not_count_for_the_speed_once_loaded() -> None:
    # Two results at 5 s, when the model was loaded; then one each second.
    assert rate_after_first_batch([5.0, 5.0, 6.0, 7.0, 8.0], batch=2) == 1.0
    # Too few for that: all since the start.
    assert rate_after_first_batch([5.0, 5.0, 6.0, 8.0], batch=2) == 0.5


def test_levels_are_compared_where_both_have_one() -> None:
    assert same_levels({0: 1, 1: 2, 2: 3}, {0: 1, 1: 3}) == 0.5
    assert same_levels({}, {0: 1}) == 0.0


def test_a_measured_process_inherits_no_settings() -> None:
    own = environment({"PATH": "/bin", "TOCSIN_CLASSIFY_THREADS": "7", "tocsin_topic_prefix": "x."}, 2)
    assert own["PATH"] == "/bin"
    assert own["TOCSIN_CLASSIFY_THREADS"] == "2"
    assert "tocsin_topic_prefix" not in own


def test_memory_is_read_as_linux_writes_it() -> None:
    assert read_memory("Name:\tpython\nVmHWM:\t  2000 kB\nVmRSS:\t  1000 kB\nThreads:\t4\n") == (1_024_000, 2_048_000)
