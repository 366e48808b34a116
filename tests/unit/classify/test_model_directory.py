"""What a model directory must hold, and what is said when it does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tocsin_classify.model_directory import ModelDirectoryError, read_model_directory

pytestmark = pytest.mark.unit


def settings_section() -> dict[str, Any]:
    return {
        "model_name": "tiny",
        "model_version": "0.1",
        "scale_version": "hiik-reported-1",
        "directions": ["escalating", "unchanged", "de-escalating"],
        "topics": ["medtop:16000000", "local:nuclear-weapons"],
        "topic_thresholds": [0.5, 0.4],
        "window_tokens": 128,
        "window_stride": 112,
        "level_temperature": 1.1,
        "abstain_below": 0.0,
    }


def write_model(directory: Path, section: object, labels: object = None) -> Path:
    directory.mkdir(exist_ok=True)
    names = {str(level): str(level) for level in range(6)} if labels is None else labels
    config = {"model_type": "bert", "id2label": names, "tocsin": section}
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (directory / "tokenizer.json").write_text("{}", encoding="utf-8")
    (directory / "model.onnx").write_bytes(b"")
    return directory


def test_a_whole_directory_is_read(tmp_path: Path) -> None:
    settings = read_model_directory(write_model(tmp_path / "model", settings_section()))
    assert settings.topics == ("medtop:16000000", "local:nuclear-weapons")
    assert settings.topic_thresholds == (0.5, 0.4)
    assert settings.window_stride == 112


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="nowhere is not a directory"):
        read_model_directory(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.onnx"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    model = write_model(tmp_path / "model", settings_section())
    (model / name).unlink()
    with pytest.raises(ModelDirectoryError, match=f"lacks {name}"):
        read_model_directory(model)


def test_a_config_that_is_not_json_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", settings_section())
    (model / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelDirectoryError, match="is not JSON"):
        read_model_directory(model)


@pytest.mark.parametrize("section", [None, "x", []])
def test_a_model_without_the_section_is_refused(tmp_path: Path, section: object) -> None:
    with pytest.raises(ModelDirectoryError, match='no section "tocsin"'):
        read_model_directory(write_model(tmp_path / "model", section))


def test_a_model_with_other_labels_is_refused(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", settings_section(), labels={"0": "NEGATIVE", "1": "POSITIVE"})
    with pytest.raises(ModelDirectoryError, match="id2label must name the levels"):
        read_model_directory(model)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("window_tokens", 0, "tocsin.window_tokens"),
        ("window_stride", 129, "text would go unread"),
        ("topic_thresholds", [0.5], "the same length"),
        ("topic_thresholds", [0.5, 1.5], "tocsin.topic_thresholds.1"),
        ("topics", ["a", "a"], "topics must differ"),
        ("directions", ["up", "same", "down"], "tocsin.directions.0"),
        ("directions", ["unchanged"] * 3, "directions must differ"),
        ("level_temperature", 0.0, "tocsin.level_temperature"),
        ("abstain_below", -0.1, "tocsin.abstain_below"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, field: str, value: object, complaint: str) -> None:
    with pytest.raises(ModelDirectoryError, match=complaint):
        read_model_directory(write_model(tmp_path / "model", {**settings_section(), field: value}))


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    section = settings_section()
    del section["model_version"]
    with pytest.raises(ModelDirectoryError, match=r"tocsin\.model_version: Field required"):
        read_model_directory(write_model(tmp_path / "model", section))
