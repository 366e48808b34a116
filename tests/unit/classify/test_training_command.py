"""`tocsin train` where the extra is missing, and its help."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tocsin_classify.training.command import NEEDED, stride_of, train

pytestmark = pytest.mark.unit


def app() -> typer.Typer:
    made = typer.Typer(rich_markup_mode=None)
    made.command()(train)
    return made


def lacking(name: str) -> Callable[..., Any]:
    return lambda wanted, *_: None if wanted == name else object()


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_module_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lacking(name))
    result = CliRunner().invoke(app(), ["--data", str(tmp_path), "--out", str(tmp_path / "model")])
    assert result.exit_code == 2
    assert f"training needs {name}: install the extra with pip install 'tocsin-classify[train]'" in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "model").exists()


def test_help_shows_examples() -> None:
    result = CliRunner().invoke(app(), ["--help"])
    assert result.exit_code == 0
    assert "  tocsin train --data ../labelled --out models/escalation-e5-small --resume\n" in result.output


def test_a_data_directory_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app(), ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "model")])
    assert result.exit_code == 2


def test_windows_overlap() -> None:
    assert stride_of(128) == 112
    assert all(1 <= stride_of(tokens) <= tokens for tokens in range(16, 449))
