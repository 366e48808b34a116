"""Which items are trained on, and what a window is taught."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.training.dataset import (
    long_examples,
    long_text,
    read_dataset,
    repeat_languages,
    short_examples,
)
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import LONGFORM_TEST_PREFIX, TEST_FROM

pytestmark = pytest.mark.unit


class WordTokenizer:
    """One token a word: its length."""

    cls_token_id = 1_000
    sep_token_id = 1_001

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [len(word) for word in text.split()]


def item(item_id: str, date: str, **more: Any) -> dict[str, Any]:
    return {
        "id": item_id,
        "date": date,
        "title": None,
        "text": "Soldiers crossed the river.",
        "level": 4,
        "direction": "escalating",
        "topics": ["medtop:16000000"],
        **more,
    }


def article(item_id: str, levels: list[tuple[str, int]], words: int = 40, level: int = 4) -> dict[str, Any]:
    return {
        "id": item_id,
        "title": "River crossed",
        "level": level,
        "direction": "escalating",
        "topics": ["medtop:16000000"],
        "paragraphs": [{"text": "word " * words, "level": said, "role": role} for role, said in levels],
    }


def write_data(directory: Path, **files: list[dict[str, Any]]) -> Path:
    topics = [{"code": "medtop:16000000", "name": "conflict"}, {"code": "medtop:15000000", "name": "sport"}]
    (directory / "topics.json").write_text(json.dumps(topics), encoding="utf-8")
    for name, rows in files.items():
        path = directory / f"{name.replace('_', '-')}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return directory


def test_no_item_of_the_test_years_is_trained_or_tuned_on(tmp_path: Path) -> None:
    rows = [item(f"a-{number}", f"20{10 + number % 13}-{1 + number % 12:02d}-01") for number in range(400)]
    translated = [{**row, "language": "fr", "text": "Des soldats."} for row in rows[::3]]
    dataset = read_dataset(
        [write_data(tmp_path, labelled_train=rows, labelled_multilingual=translated, longform_train=[])]
    )
    dates = {row["id"]: row["date"] for row in rows}
    ids = {part: {one.id for one in items} for part, items in dataset.short.items()}
    assert all(dates[one] >= TEST_FROM for one in ids["test"])
    assert all(dates[one] < TEST_FROM for one in ids["train"] | ids["development"])
    # A translation goes where its original goes.
    assert not ids["train"] & ids["development"]
    assert not ids["train"] & ids["test"]
    assert not ids["development"] & ids["test"]
    assert all(ids.values())
    assert sum(len(items) for items in dataset.short.values()) == len(rows) + len(translated)


def test_a_run_may_hold_out_less(tmp_path: Path) -> None:
    rows = [item(f"a-{month}", f"2022-{month:02d}-09") for month in range(1, 13)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("b", "2003-01-01"), *rows])], "2022-07-01")
    assert {one.id for one in dataset.short["test"]} == {f"a-{month}" for month in range(7, 13)}


def test_other_languages_are_taken_as_often_as_asked(tmp_path: Path) -> None:
    rows = [item("a", "2015-01-01"), item("b", "2015-01-01", language="sw"), item("c", "2015-01-01", language="en")]
    items = read_dataset([write_data(tmp_path, labelled_train=rows)]).short["train"]
    assert [one.id for one in repeat_languages(items, 3)] == ["a", "b", "b", "b", "c"]
    assert repeat_languages(items, 1) == items


def test_labels_by_id_find_their_texts_and_need_them(tmp_path: Path) -> None:
    texts = write_data(tmp_path, labelled_train=[item("a", "2015-01-01")])
    other = tmp_path / "labels"
    other.mkdir()
    event = {"id": "wce-1", "date": "2015-01-02", "title": "Border", "text": "Shots were heard."}
    label = {"id": "wce-1", "level": 3, "direction": "escalating", "topics": ["medtop:16000000"]}
    (other / "labels-events.jsonl").write_text(json.dumps(label) + "\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"labels-events\.jsonl:1: no events-.* holds the text of wce-1"):
        read_dataset([texts, other])
    with gzip.open(texts / "events-2015.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.write(json.dumps({**event, "id": "wce-0"}) + "\n" + json.dumps(event) + "\n")
    items = read_dataset([texts, other]).short["train"]
    assert [(one.id, one.title, one.text, one.level) for one in items if one.id != "a"] == [
        ("wce-1", "Border", "Shots were heard.", 3)
    ]


def test_boilerplate_is_no_news(tmp_path: Path) -> None:
    rows = [{"id": f"boilerplate-en-{number:03d}", "language": "en", "text": "Accept all"} for number in range(300)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], boilerplate=rows)])
    assert sum(not one.news for one in dataset.short["train"]) > 200
    examples = short_examples(dataset.short["train"], WordTokenizer(), window_tokens=16, window_stride=14)
    assert {example.news for example in examples if example.ids == (1_000, 6, 3, 1_001)} == {False}


def test_one_writer_of_long_articles_is_held_out_whole(tmp_path: Path) -> None:
    rows = [article(f"lt-{writer}-{number}", [("current", 4)]) for writer in range(1, 9) for number in range(3)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], longform_train=rows)])
    assert {one.id[: len(LONGFORM_TEST_PREFIX)] for one in dataset.long["test"]} == {LONGFORM_TEST_PREFIX}
    assert len(dataset.long["test"]) == 3
    assert not any(one.id.startswith(LONGFORM_TEST_PREFIX) for one in dataset.long["train"])


def test_a_short_item_becomes_one_window_with_its_labels(tmp_path: Path) -> None:
    rows = [item("a", "2015-01-01", title="Border", topics=["medtop:15000000", "medtop:16000000"])]
    dataset = read_dataset([write_data(tmp_path, labelled_train=rows)])
    items = [one for part in dataset.short.values() for one in part]
    (example,) = short_examples(items, WordTokenizer(), window_tokens=16, window_stride=14)
    assert example.ids == (1_000, 7, 8, 7, 3, 6, 1_001)
    assert (example.level, example.direction, example.topics) == (4, 0, (0, 1))


def test_background_and_figurative_paragraphs_teach_level_zero(tmp_path: Path) -> None:
    rows = [article("lt-1-a", [("background", 5), ("figurative", 4), ("other", 3)], level=0)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], longform_train=rows)])
    examples = long_examples(dataset.long["train"], WordTokenizer(), window_tokens=40, window_stride=35)
    assert examples
    assert {example.level for example in examples} == {0}


def test_windows_report_the_level_of_the_current_paragraphs_they_hold(tmp_path: Path) -> None:
    rows = [article(f"lt-1-{number}", [("current", 4), ("background", 5)]) for number in range(30)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], longform_train=rows)])
    examples = long_examples(dataset.long["train"], WordTokenizer(), window_tokens=40, window_stride=40)
    first = [example for example in examples if example.level == 4]
    second = [example for example in examples if example.level == 0]
    assert len(first) == 30
    # Windows below their article's level are thinned out, and teach the level only.
    assert 0 < len(second) < 30
    assert {example.other_weight for example in first} == {1.0}
    assert {example.other_weight for example in second} == {0.0}


def test_a_window_knows_where_its_paragraphs_lie(tmp_path: Path) -> None:
    rows = [article("lt-1-a", [("current", 4), ("background", 5)])]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], longform_train=rows)])
    (example,) = long_examples(dataset.long["train"], WordTokenizer(), window_tokens=80, window_stride=70)
    # <s>, two words of title, then forty tokens of each paragraph, </s>.
    assert example.spans == ((3, 43, 4), (43, 83, 0))
    assert len(example.ids) == 84
    parts = long_examples(dataset.long["train"], WordTokenizer(), window_tokens=50, window_stride=40)
    # Ten tokens of the second paragraph are too few to say what it reports.
    assert parts[0].spans == ((3, 43, 4),)


def test_the_text_of_a_long_article_is_all_its_paragraphs(tmp_path: Path) -> None:
    rows = [article("lt-1-a", [("current", 4), ("background", 5)], words=2)]
    dataset = read_dataset([write_data(tmp_path, labelled_train=[item("a", "2015-01-01")], longform_train=rows)])
    assert long_text(dataset.long["train"][0]).split() == ["word"] * 4


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"level": 6}, "level 6 is not between 0 and 5"),
        ({"direction": "sideways"}, "sideways"),
        ({"topics": ["medtop:99"]}, "'medtop:99' is missing or unknown"),
    ],
)
def test_a_wrong_label_is_named_with_its_line(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    rows = [item("a", "2015-01-01"), item("b", "2015-01-01", **change)]
    with pytest.raises(TrainingError, match=r"labelled-train\.jsonl:2: .*" + complaint):
        read_dataset([write_data(tmp_path, labelled_train=rows)])


def test_a_line_that_is_not_json_is_named(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "labelled-train.jsonl").write_text("{}x\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"labelled-train\.jsonl:1 is not JSON"):
        read_dataset([tmp_path])


def test_a_directory_without_the_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no topics\.json in"):
        read_dataset([tmp_path])
    write_data(tmp_path)
    with pytest.raises(TrainingError, match=r"no labelled-\*\.jsonl with items"):
        read_dataset([tmp_path])
