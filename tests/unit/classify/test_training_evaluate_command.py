"""`tocsin evaluate` on a tiny model and tiny data: what it writes, prints and refuses."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tocsin_classify.training.evaluate_command import below_models, evaluate

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"
ROWS: list[dict[str, Any]] = [
    {"id": "n-1", "date": "2022-01-01", "title": "War in Mali", "text": "The war goes on.", "level": 5},
    {"id": "n-1", "date": "2022-01-01", "language": "fr", "title": "War au Mali", "text": "La war.", "level": 5},
    {"id": "n-2", "date": "2022-02-01", "title": None, "text": "A football match.", "level": 1},
    {"id": "n-3", "date": "2012-02-01", "title": None, "text": "An ambush.", "level": 3},
]


def run(*arguments: object) -> Result:
    app = typer.Typer(rich_markup_mode=None)
    app.command()(evaluate)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    rest = {"direction": "escalating", "topics": ["medtop:20000056"], "countries": ["ML"]}
    lines = [json.dumps({**row, **rest}) + "\n" for row in ROWS]
    (directory / "labelled-some.jsonl").write_text("".join(lines), encoding="utf-8")
    return directory


def test_the_test_part_is_judged_and_reported(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("--data", data, "--model", TINY, "--out", out, "--resamples", 20, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    # The item of 2012 is not of the test part.
    assert {name: group["items"] for name, group in figures["groups"].items()} == {
        "short, en": 2, "short, other languages": 1, "short, fr": 1, "all": 3,
    }  # fmt: skip
    assert figures["groups"]["all"]["stories"] == 2
    assert figures["groups"]["short, en"]["figures"]["level_exact"]["value"] == 0.5
    assert [error["id"] for error in figures["errors"]] == ["n-2"]
    assert json.loads((out / "figures.json").read_text(encoding="utf-8")) == figures
    report = (out / "report.md").read_text(encoding="utf-8")
    assert "- Model: tiny 1.0.0" in report
    assert "football" not in report
    assert f"report: {out / 'report.md'}" in result.stderr


def test_a_file_is_judged_whole_and_the_report_goes_beside_the_model(data: Path, tmp_path: Path) -> None:
    model = shutil.copytree(TINY, tmp_path / "models" / "tiny")
    result = run("--file", data / "labelled-some.jsonl", "--model", model, "--resamples", 20)
    assert result.exit_code == 0, result.output
    assert "not met" in result.stdout
    figures = json.loads((model / "evaluation" / "figures.json").read_text(encoding="utf-8"))
    assert figures["groups"]["all"]["items"] == 4


def test_texts_are_shown_when_asked_for_but_never_below_models(data: Path, tmp_path: Path) -> None:
    model = shutil.copytree(TINY, tmp_path / "models" / "tiny")
    refused = run("--data", data, "--model", model, "--with-texts")
    assert refused.exit_code == 2
    assert "--with-texts does not write below a directory called models" in refused.output
    assert not (model / "evaluation").exists()
    shown = run("--data", data, "--model", model, "--with-texts", "--out", tmp_path / "private", "--resamples", 20)
    assert shown.exit_code == 0, shown.output
    assert "A football match." in (tmp_path / "private" / "report.md").read_text(encoding="utf-8")


def test_below_models_is_seen_through_links_and_dots(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "models" / "mine")
    assert below_models(tmp_path / "link" / "evaluation")
    assert below_models(tmp_path / "a" / ".." / "models")
    assert not below_models(tmp_path / "a" / "models-of-mine")


@pytest.mark.parametrize(
    ("arguments", "complaint", "code"),
    [
        ((), "name labelled items with --data DIRECTORY or --file FILE", 2),
        (("--data", "DATA", "--model", "NONE"), "is not a directory; name a model directory", 2),
        (("--data", "DATA", "--part", "development"), "no labelled items of the development part", 1),
        (("--data", "DATA", "--part", "training"), "Invalid value", 2),
    ],
)
def test_what_cannot_work_is_said_plainly(
    data: Path, tmp_path: Path, arguments: tuple[str, ...], complaint: str, code: int
) -> None:
    named = {"DATA": str(data), "NONE": str(tmp_path / "none")}
    model = () if "--model" in arguments else ("--model", str(TINY))
    result = run(*(named.get(argument, argument) for argument in arguments), *model)
    assert result.exit_code == code
    assert complaint in result.output
    assert "Traceback" not in result.output


def test_a_bad_row_is_named(data: Path) -> None:
    (data / "labelled-some.jsonl").write_text('{"id": "x", "text": "Words.", "level": 9}\n', encoding="utf-8")
    result = run("--data", data, "--model", TINY)
    assert result.exit_code == 1
    assert "labelled-some.jsonl:1: level 9 is not a whole number between 0 and 5" in result.output


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(b'{"id": "\xff"}\n')
    result = run("--file", tmp_path / "mine.jsonl", "--model", TINY)
    assert result.exit_code == 1
    assert "the labelled items cannot be read" in result.output
    assert "Traceback" not in result.output


def test_the_help_shows_examples_and_needs_nothing_heavy() -> None:
    assert "  tocsin evaluate --data ../labelled --part development" in run("--help").output
    code = (
        "import sys; import tocsin_classify.training.evaluate_command; "
        "print([name for name in ('numpy', 'torch', 'transformers', 'onnxruntime') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
