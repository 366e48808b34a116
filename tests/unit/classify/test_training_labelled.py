"""Reading what a model is judged on: parts, kinds, stories, and clear words about what cannot be used."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.labelled import FULL_LENGTH_CHARS, read_file, read_labelled, read_part

pytestmark = pytest.mark.unit


def row(**change: Any) -> dict[str, Any]:
    return {
        "id": "a-1",
        "date": "2022-03-01",
        "title": None,
        "text": "Words.",
        "level": 3,
        "direction": "escalating",
        "topics": ["medtop:16000000"],
        "countries": ["FR"],
        **change,
    }


def write(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def test_the_test_part_is_the_later_years_and_the_writer_held_out(tmp_path: Path) -> None:
    write(tmp_path / "labelled-train.jsonl", row(), row(id="a-2", date="2015-01-01"))
    write(tmp_path / "labelled-multilingual.jsonl", row(language="fr", text="Des mots."))
    paragraphs = [{"text": "One.", "level": 3, "role": "current"}, {"text": "Two.", "level": 0, "role": "other"}]
    write(
        tmp_path / "longform-train.jsonl",
        row(id="lt-6-001", text="", paragraphs=paragraphs),
        row(id="lt-5-001", text="", paragraphs=paragraphs),
    )
    found = read_part([tmp_path], "test")
    assert [(item.id, item.language, item.kind) for item in found] == [
        ("a-1", "fr", "short"),
        ("a-1", "en", "short"),
        ("lt-6-001", "en", "full-length"),
    ]
    # A translation and its original are one story.
    assert found[0].story == found[1].story
    assert found[2].text == "One.\n\nTwo."
    assert found[0].countries == frozenset({"FR"})


def test_labels_by_id_find_their_texts(tmp_path: Path) -> None:
    label = {name: value for name, value in row(level=1).items() if name not in ("date", "title", "text")}
    write(tmp_path / "labels-events.jsonl", label)
    with gzip.open(tmp_path / "events-1.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write(json.dumps({"id": "a-1", "date": "2021-05-05", "title": "A story", "text": "Its text."}) + "\n")
    (item,) = read_part([tmp_path], "test")
    assert (item.title, item.text, item.level) == ("A story", "Its text.", 1)


def test_a_file_is_taken_whole_whatever_its_dates(tmp_path: Path) -> None:
    long = "word " * FULL_LENGTH_CHARS
    nothing = {"id": "b-1", "language": "en", "text": "Accept cookies?"}
    write(tmp_path / "mine.jsonl", row(date="2004-01-01"), row(id="a-2", text=long, countries=None), nothing)
    found = read_file(tmp_path / "mine.jsonl")
    assert [item.kind for item in found] == ["short", "full-length", "no-news"]
    assert found[1].countries is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"level": 6}, "level 6 is not a whole number between 0 and 5"),
        ({"level": True}, "level True is not"),
        ({"direction": "up"}, "direction 'up' is none of escalating"),
        ({"text": "", "title": " "}, "title and text are empty"),
        ({"topics": 3}, "not iterable"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TrainingError, match=f"mine.jsonl:3: .*{complaint}"):
        read_labelled("mine.jsonl:3", row(**change))


def test_a_missing_field_is_named() -> None:
    broken = row()
    del broken["direction"]
    with pytest.raises(TrainingError, match="x:1: 'direction' is missing"):
        read_labelled("x:1", broken)
