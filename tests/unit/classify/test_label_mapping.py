"""The file that maps a model's labels: what it may say, and how errors are told."""

import re
from pathlib import Path

import pytest

from tocsin_classify.label_mapping import (
    SequenceMapping,
    ZeroShotMapping,
    parse_label_mapping,
    read_label_mapping,
)
from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import Direction

pytestmark = pytest.mark.unit

README = Path(__file__).parents[3] / "services" / "classify" / "README.md"

SEQUENCE = """
kind: sequence-classification
topic_threshold: 0.4
labels:
  NO: 0
  3: 3
  war: {level: 5, direction: escalating, topic: armed conflict, threshold: 0.7}
  strike: medtop:20000066
  spam: ignore
"""


def refused(text: str) -> str:
    with pytest.raises(ModelDirectoryError) as error:
        parse_label_mapping(text, "labels.yaml")
    return str(error.value)


def test_labels_are_taken_as_they_are_written_and_rules_in_short_or_in_full() -> None:
    mapping = parse_label_mapping(SEQUENCE, "labels.yaml")
    assert isinstance(mapping, SequenceMapping)
    assert list(mapping.labels) == ["NO", "3", "war", "strike", "spam"]
    assert [rule.level for rule in mapping.labels.values()] == [0, 3, 5, None, None]
    assert mapping.labels["war"].direction is Direction.ESCALATING
    assert (mapping.labels["war"].topic, mapping.labels["war"].threshold) == ("medtop:20000056", 0.7)
    assert mapping.labels["strike"].topic == "medtop:20000066"
    assert mapping.topic_threshold == 0.4


def test_json_with_tabs_is_read_as_well(tmp_path: Path) -> None:
    file = tmp_path / "labels.json"
    file.write_text('{\n\t"kind": "sequence-classification",\n\t"labels": {"A": 0, "B": 5}\n}\n')
    mapping = read_label_mapping(file)
    assert isinstance(mapping, SequenceMapping)
    assert mapping.labels["B"].level == 5


def test_a_zero_shot_mapping_may_leave_everything_to_the_built_in_hypotheses() -> None:
    mapping = parse_label_mapping("kind: zero-shot", "labels.yaml")
    assert isinstance(mapping, ZeroShotMapping)
    assert sorted(mapping.levels) == [0, 1, 2, 3, 4, 5]
    assert set(mapping.directions) == set(Direction)
    assert set(mapping.topics) == set(TOPIC_NAMES)


def test_a_zero_shot_mapping_may_ask_its_own_questions_and_none_for_topics() -> None:
    mapping = parse_label_mapping(
        "kind: zero-shot\nentailment: ja\ntemplate: 'Dies handelt von {}.'\n"
        "levels: {0: Alltag, 5: [Krieg, ein Krieg]}\ndirections: {}\n"
        "topics: {riot: {hypotheses: Krawalle, threshold: 0.8}, sport: Sport}",
        "labels.yaml",
    )
    assert isinstance(mapping, ZeroShotMapping)
    assert mapping.levels == {0: ("Alltag",), 5: ("Krieg", "ein Krieg")}
    assert mapping.directions == {}
    assert [question.threshold for question in mapping.topics.values()] == [0.8, None]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "kind: sequence-classification\nlabels:\n  WAR: 7\n",
            "labels.yaml, line 3: labels.WAR.level: .*from 0 to 5|levels go",
        ),
        ("kind: sequence-classification\nlabels:\n  WAR: -1x\n", "line 3: labels.WAR.topic: .*armed conflict"),
        ("kind: sequence-classification\nlabels:\n  A: {level: two}\n", "line 3: labels.A.level: .*number from 0 to 5"),
        ("kind: sequence-classification\nlabels:\n  A: {threshold: 0.5}\n", "line 3: labels.A: threshold is a topic's"),
        ("kind: sequence-classification\nlabels: {A: 0}\ntemplate: x\n", "line 3: template: .*no such setting"),
        ("kind: sequence-classification\n", "labels: Field required"),
        ("kind: zero_shot\n", "kind: .*sequence-classification or zero-shot"),
        ("labels: {A: 1}\n", "kind"),
        ("kind: zero-shot\ntemplate: no place\n", r"line 1: .*template must have \{\} once"),
        ("kind: zero-shot\nlevels: {0: peace}\n", "line 2: levels: .*at least 2"),
        ("kind: zero-shot\nlevels: {0: peace, 9: war}\n", "line 2: levels.9: .*levels go from 0 to 5"),
        ("kind: zero-shot\ndirections: {escalating: worse}\n", "directions must be all three"),
        ("kind: zero-shot\nwindow_stride: 40\n", "window_stride needs window_tokens"),
        ("kind: zero-shot\nkind: zero-shot\n", "line 2: kind is there twice"),
        ("kind: &k zero-shot\nentailment: *k\n", "aliases"),
        ("kind: zero-shot\nlevels: {0: [\n", "line [23]: "),
        ("- a\n- b\n", "begins with"),
        ("", "begins with"),
        ("[" * 5_000, "nested too deeply"),
    ],
)
def test_a_mistake_is_told_with_its_line_its_field_and_what_to_do(text: str, complaint: str) -> None:
    said = refused(text)
    assert said.startswith("labels.yaml")
    assert re.search(complaint, said), said


def test_a_file_that_is_missing_binary_or_huge_is_refused(tmp_path: Path) -> None:
    binary, huge = tmp_path / "binary.yaml", tmp_path / "huge.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    huge.write_bytes(b"#" * 300_000)
    for file, complaint in ((tmp_path / "none.yaml", "No such file"), (binary, "not UTF-8"), (huge, "longer than")):
        with pytest.raises(ModelDirectoryError, match=complaint):
            read_label_mapping(file)


def test_the_examples_of_the_readme_are_mappings() -> None:
    section = README.read_text(encoding="utf-8").partition("## Any model")[2]
    examples = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    kinds = [parse_label_mapping(example, "README.md").kind for example in examples]
    assert kinds == ["sequence-classification", "zero-shot"]
