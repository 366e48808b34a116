"""What the benchmark writes."""

from dataclasses import replace

import pytest

from benchmarks.classify.figures import COMMAND, LIMIT, PIPELINE, SERVICE, Round
from benchmarks.classify.report import Profile, Results, TextFacts, summarise, write_report
from benchmarks.classify.texts import SHORT

pytestmark = pytest.mark.unit


def results() -> Results:
    return Results(
        started="2026-11-24 23:00 UTC",
        took_s=600.0,
        command="python -m benchmarks.classify",
        model="tiny 1.0.0",
        threads=2,
        machine={"cores": "2"},
        load_before=0.1,
        texts={SHORT: TextFacts(100, 20_000, 5_000, 110, 6_000)},
        rounds=[
            Round(1, SHORT, PIPELINE, 10.0, peak_bytes=900_000_000),
            Round(1, SHORT, COMMAND, 81.0, first_s=4.0, overall_per_s=33.0, peak_bytes=300_000_000),
            Round(1, SHORT, SERVICE, 60.0, first_s=7.0, resident_bytes=400_000_000, peak_bytes=460_000_000),
            Round(1, SHORT, LIMIT, 100.0),
        ],
        pipeline_weights="the shipped int8 weights as float32",
        agreement={SHORT: 0.985},
        profiles=[Profile(COMMAND, SHORT, 10.0, {"inference": 9.0, "places": 0.5})],
        start_steps=[("Python", 0.1, 20_000_000), ("weights", 0.9, 120_000_000)],
        imports=[("transformers", 1.25)],
    )


def line_with(report: str, *words: str) -> str:
    (found,) = [line for line in report.splitlines() if all(word in line for word in words)]
    return found


def test_every_target_stands_beside_what_was_measured() -> None:
    report = write_report(results())
    assert line_with(report, "(c) to (a), short").endswith("| at least 8 times | 8.10 | met |")
    assert line_with(report, "(d) to (e), short").endswith("| at least 0.9 times | 0.60 | **not met** |")
    assert line_with(report, "highest resident memory").endswith("| at most 450 MB | 460 | **not met** |")
    assert line_with(report, "(c) start to first result").endswith("| 4.00 | met |")


def test_speed_is_told_in_articles_tokens_and_days() -> None:
    row = line_with(write_report(results()), "| (c) `tocsin classify`", "81.0")
    assert row.endswith("| 81.0 | 4,860 | 7,000,000 |")


def test_the_report_says_where_time_and_memory_go() -> None:
    report = write_report(results())
    assert line_with(report, "| inference |") == "| inference | 9.00 | 90.0% |"
    assert line_with(report, "| weights |") == "| weights | 0.90 | 120 | +100 |"
    assert line_with(report, "| transformers |") == "| transformers | 1.25 |"
    assert "98.5% of the short texts" in report


def test_a_contender_that_did_not_run_is_left_out() -> None:
    without = replace(results(), rounds=results().rounds[1:2], pipeline_weights=None, profiles=(), start_steps=())
    report = write_report(without)
    assert "(a)" not in line_with(report, "| (c) `tocsin classify`")
    assert not [line for line in report.splitlines() if line.startswith("| (a)")]
    assert "Where the time goes" not in report


def test_a_smoke_run_says_that_it_is_one() -> None:
    assert "say nothing" in write_report(replace(results(), quick=True))
    assert "say nothing" not in write_report(results())


def test_the_terminal_is_told_speeds_verdicts_and_articles_a_day() -> None:
    lines = "\n".join(summarise(results()))
    assert "not met" in lines
    assert "5,200,000 short articles a day" in lines
