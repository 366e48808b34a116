"""Where the model is looked for, and how many cores are used."""

from pathlib import Path

import pytest

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
