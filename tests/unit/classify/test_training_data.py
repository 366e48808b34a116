"""The training data that this repository holds: well-formed, each item once, no text that is not ours."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.training.dataset import DIRECTIONS
from tocsin_contracts.media_topics import TOPIC_NAMES

pytestmark = pytest.mark.unit

DATA = Path(__file__).parents[3] / "services" / "classify" / "training-data"
LANGUAGES = {"ar", "en", "es", "fa", "fr", "hi", "id", "pt", "ru", "sw", "tr", "uk", "zh"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


NEWS = [
    "labelled-invented.jsonl",
    "labels-events.jsonl",
    "statements/labelled-statements.jsonl",
    "later/labelled-modern.jsonl",
    "later/labels-events.jsonl",
    "digest/labelled-digest.jsonl",
    "digest/labels-events.jsonl",
    "every-event/labels-events.jsonl",
]


@pytest.mark.parametrize("name", NEWS)
def test_every_label_is_on_the_scale(name: str) -> None:
    for row in rows(name):
        assert row["level"] in range(6), row["id"]
        assert row["direction"] in DIRECTIONS, row["id"]
        assert row["level"] > 0 or row["direction"] == "unchanged", row["id"]
        assert row["topics"], row["id"]
        assert set(row["topics"]) <= set(TOPIC_NAMES), row["id"]
        assert all(len(code) == 2 and code.isupper() for code in row["countries"]), row["id"]


@pytest.mark.parametrize("name", [*NEWS, "boilerplate.jsonl"])
def test_every_item_is_there_once(name: str) -> None:
    found = rows(name)
    assert len({row["id"] for row in found}) == len(found)
    texts = Counter((row.get("title"), row["text"]) for row in found if "text" in row)
    assert all(count == 1 for count in texts.values())


def test_every_language_has_news_of_every_level_and_boilerplate() -> None:
    news = Counter((row["language"], row["level"]) for row in rows("labelled-invented.jsonl"))
    assert all(news[language, level] >= 20 for language in LANGUAGES for level in range(6))
    assert {row["language"] for row in rows("boilerplate.jsonl")} == LANGUAGES


@pytest.mark.parametrize("name", [name for name in NEWS if name.endswith("labels-events.jsonl")])
def test_labels_by_id_bring_no_text_along(name: str) -> None:
    assert {tuple(row) for row in rows(name)} == {("id", "level", "direction", "topics", "countries")}


def test_no_event_and_no_text_is_in_two_files() -> None:
    found = [row for name in NEWS for row in rows(name)]
    assert len({row["id"] for row in found}) == len(found)
    texts = Counter((row["title"], row["text"]) for row in found if "text" in row)
    assert all(count == 1 for count in texts.values())
