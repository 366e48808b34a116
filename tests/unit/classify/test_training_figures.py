"""Groups, targets, curves and errors from what was said; the report and its plots."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.training.figures import (
    ENGLISH,
    FULL_LENGTH,
    MOST_ERRORS,
    OTHERS,
    Target,
    abstention_counts,
    errors_of,
    groups_of,
    language_of,
    take_figures,
)
from tocsin_classify.training.judge import Evidence, Judged
from tocsin_classify.training.labelled import Kind, Labelled
from tocsin_classify.training.report import show, write_report

pytestmark = pytest.mark.unit

TOPICS = ("medtop:16000000", "local:nuclear-weapons")


def judged(name: str, true: int, said: int, *, language: str = "en", kind: Kind = "short", **change: Any) -> Judged:
    item = Labelled(
        id=name,
        story=name,
        language=language,
        title="SECRET TITLE",
        text="SECRET <text> of the item.",
        kind=kind,
        level=true,
        topics=frozenset({TOPICS[0]}) if true else frozenset(),
        countries=frozenset({"FR"}),
    )
    topics = frozenset({TOPICS[0]})
    given: dict[str, Any] = {
        "topics": topics,
        "countries": frozenset({"FR", "DE"}),
        "topic_scores": (0.9, 0.1),
        **change,
    }
    return Judged(item, said, given.pop("confidence", 0.8), "unchanged", **given)


SOME = [
    judged("a", 0, 0, topics=frozenset()),
    judged("b", 3, 3),
    judged("b", 3, 4, language="fr"),
    judged("c", 5, 0, language="fr", confidence=0.99, evidence=(Evidence("text", 3, 9, 4),)),
    judged("c", 2, 2, language="uk"),
    judged("d", 1, 1, kind="full-length", abstained="confidence"),
    judged("e", 0, 0, kind="no-news", abstained="no-news"),
    judged("f", 0, 5, kind="no-news"),
]


def test_texts_that_are_no_news_belong_to_no_group() -> None:
    groups = groups_of(SOME)
    assert {name: len(group) for name, group in groups.items()} == {
        ENGLISH: 2, OTHERS: 3, "short, fr": 2, "short, uk": 1, FULL_LENGTH: 1, "all": 6,
    }  # fmt: skip
    assert language_of("short, fr") == "fr"
    assert language_of(OTHERS) is None
    assert language_of(FULL_LENGTH) is None


def test_figures_stand_beside_their_targets() -> None:
    figures = take_figures(SOME, TOPICS, resamples=20, seed=1)
    assert figures["worst_language"] == "short, fr"
    rows = {(row["group"], row["figure"]): row for row in figures["targets"]}
    assert rows[(ENGLISH, "level_exact")]["met"]
    assert not rows[("worst language (short, fr)", "level_qwk")]["met"]
    # Germany was said and is not true.
    assert rows[(ENGLISH, "countries_precision")]["value"] == 0.5
    assert rows[(ENGLISH, "countries_recall")]["value"] == 1.0
    # Nothing in the group de-escalates or is said to: that is no failure.
    assert (ENGLISH, "deescalating_f1") not in rows
    assert figures["confusion"][OTHERS][5] == [1, 0, 0, 0, 0, 0]


def test_calibration_error_must_stay_below_its_target_and_others_above() -> None:
    assert Target("all", "level_ece", 0.04).met(0.03)
    assert not Target("all", "level_ece", 0.04).met(0.05)
    assert Target("all", "level_qwk", 0.9).met(0.9)


def test_abstention_is_counted_by_reason() -> None:
    counts = abstention_counts(SOME)
    assert counts["news_abstained"] == {"confidence": 1}
    assert counts["no_news_abstained"] == {"no-news": 1}
    assert (counts["news"], counts["no_news"]) == (6, 2)
    assert counts["level_exact_of_the_rest"] == 0.6


def test_far_and_confident_errors_come_first_and_without_text() -> None:
    errors = errors_of(SOME[:6])
    assert [(one["id"], one["said_level"]) for one in errors] == [("c", 0), ("b", 4)]
    assert errors[0]["evidence"] == [{"part": "text", "start": 3, "end": 9, "level": 4}]
    assert "SECRET" not in str(errors)
    assert len(errors_of([judged(str(number), 0, 5) for number in range(MOST_ERRORS + 5)])) == MOST_ERRORS


def test_topics_have_curves_where_scores_were_heard() -> None:
    figures = take_figures(SOME, TOPICS, resamples=10, seed=1)
    assert figures["topics"][TOPICS[0]]["average_precision"] == 0.5
    assert figures["topics"][TOPICS[1]]["f1"] is None
    silent = take_figures([judged("a", 3, 3, topic_scores=())], TOPICS, resamples=10, seed=1)
    assert "curve" not in silent["topics"][TOPICS[0]]


def test_the_report_has_tables_and_plots_and_no_labelled_text(tmp_path: Path) -> None:
    figures = take_figures(SOME, TOPICS, resamples=10, seed=1)
    write_report(tmp_path, figures, {TOPICS[0]: "conflict & war"}, about=["- Model: tiny"])
    files = sorted(path.name for path in tmp_path.iterdir())
    plots = ["abstention.svg", "confusion.svg", "languages.svg", "reliability.svg", "topics.svg"]
    assert files == sorted([*plots, "figures.json", "report.md"])
    for path in tmp_path.iterdir():
        content = path.read_text(encoding="utf-8")
        assert "SECRET" not in content, path.name
        if path.suffix == ".svg":
            ET.fromstring(content)  # noqa: S314 - our own
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| c | fr | 5 | 0 | 0.99 | unchanged / unchanged | - | text 3-9: 4 |" in report
    assert "**not met**" in report


def test_texts_stand_beside_errors_only_when_asked_for(tmp_path: Path) -> None:
    figures = take_figures(SOME, TOPICS, resamples=10, seed=1)
    write_report(tmp_path, figures, {}, about=[], texts=[one.item for one in SOME])
    assert "- **c** (5, said 0): SECRET TITLE SECRET <text>" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "SECRET" not in (tmp_path / "figures.json").read_text(encoding="utf-8")


def test_no_items_at_all_still_make_figures(tmp_path: Path) -> None:
    figures = take_figures([], TOPICS, resamples=10, seed=1)
    assert figures["targets"] == []
    write_report(tmp_path, figures, {}, about=[])
    assert (tmp_path / "report.md").exists()


def test_a_figure_is_shown_with_its_interval() -> None:
    assert show({"value": 0.9123, "low": 0.8912, "high": 0.93}) == "0.912 (0.89-0.93)"
    assert show({"value": None, "low": None, "high": None}) == "-"
