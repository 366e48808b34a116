"""Where the model is looked for, and how many cores are used."""

import importlib.util
from pathlib import Path

import pytest

from tocsin_classify.find_model import _choose_files, check_name
from tocsin_classify.load_classifier import check_settings
from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_classify.settings import InferenceSettings, available_cores, find_shipped_model
from tocsin_contracts.settings import load_settings

pytestmark = pytest.mark.unit


def test_the_model_of_the_surrounding_checkout_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "models" / "escalation-e5-small").mkdir(parents=True)
    module = tmp_path / "services" / "classify" / "src" / "tocsin_classify" / "settings.py"
    assert find_shipped_model(module) == tmp_path / "models" / "escalation-e5-small"


def test_without_a_checkout_the_error_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="TOCSIN_CLASSIFY_MODEL"):
        find_shipped_model(tmp_path / "site-packages" / "tocsin_classify" / "settings.py")


def test_a_named_model_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CLASSIFY_MODEL", "/models/mine")
    assert load_settings(InferenceSettings).model_directory() == Path("/models/mine")


def test_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CLASSIFY_THREADS", "64")
    assert load_settings(InferenceSettings).threads() == min(64, available_cores())


def test_a_wrong_number_of_threads_ends_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOCSIN_CLASSIFY_THREADS", "0")
    with pytest.raises(SystemExit) as ended:
        load_settings(InferenceSettings)
    assert ended.value.code == 2
    assert "TOCSIN_CLASSIFY_THREADS" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value"), [("BACKEND", "tensorflow"), ("DEVICE", "tpu"), ("DOWNLOAD", "perhaps"), ("MODEL", "")]
)
def test_a_wrong_setting_of_the_backend_ends_with_code_2(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"TOCSIN_CLASSIFY_{variable}", value)
    with pytest.raises(SystemExit) as ended:
        load_settings(InferenceSettings)
    assert ended.value.code == 2
    assert f"TOCSIN_CLASSIFY_{variable}" in capsys.readouterr().err


def test_a_mapping_of_labels_is_refused_where_nothing_would_read_it(tmp_path: Path) -> None:
    with pytest.raises(ModelDirectoryError, match="belongs to the backend torch"):
        check_settings(InferenceSettings(classify_labels=tmp_path / "labels.yaml"))


def test_without_torch_the_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ModelDirectoryError, match=r"pip install 'tocsin-classify\[torch\]'"):
        check_settings(InferenceSettings(classify_backend="torch", classify_model="owner/name"))


def test_with_torch_a_model_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    with pytest.raises(ModelDirectoryError, match="TOCSIN_CLASSIFY_MODEL or --model"):
        check_settings(InferenceSettings(classify_backend="torch"))


@pytest.mark.parametrize("named", ["/no/such/directory", "a/b/c", "../models", "owner/na me", "https://x/y", "a..b/c"])
def test_what_is_neither_a_directory_nor_an_id_is_refused(named: str) -> None:
    with pytest.raises(ModelDirectoryError, match="neither a directory nor a model's id"):
        check_name(named, None)


def test_a_revision_that_is_none_is_refused() -> None:
    with pytest.raises(ModelDirectoryError, match="no revision"):
        check_name("owner/name", "../../x")


def test_weights_are_chosen_in_the_safe_format_and_nothing_that_is_not_read() -> None:
    sizes = {"config.json": 1, "model.safetensors": 9, "pytorch_model.bin": 9, "onnx/model.onnx": 9, "README.md": 1}
    assert _choose_files("m", sizes, True) == ["config.json", "model.safetensors"]
    del sizes["model.safetensors"]
    assert _choose_files("m", sizes, True) == ["config.json", "pytorch_model.bin"]
    with pytest.raises(ModelDirectoryError, match="TOCSIN_CLASSIFY_PICKLED_WEIGHTS"):
        _choose_files("m", sizes, False)
