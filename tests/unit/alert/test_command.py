"""`tocsin rules check` as people and scripts see it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin_alert.command import rules

pytestmark = pytest.mark.unit

GOOD = """\
version: 1
rules:
  - name: violence
    window: 24h
    fire_when: {stories: 3, sources: 2, level: 3}
    resolve_when: {hold: 6h}
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("24h", "a day"), encoding="utf-8")
    return path


def test_good_rules_are_shown_as_a_table(good: Path) -> None:
    result = CliRunner().invoke(rules, ["check", str(good)], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    assert "3 stories from 2 sources at level 3+ in 24h" in result.stdout


def test_wrong_rules_end_with_1_and_name_file_line_and_field_on_stderr(good: Path, bad: Path) -> None:
    result = CliRunner().invoke(rules, ["check", str(bad), str(good)], env={"COLUMNS": "200"})

    assert result.exit_code == 1
    assert result.stderr.startswith(f"{bad}:4: rules[0].window: ")
    assert "violence" in result.stdout, "the good file is still shown"


def test_machines_get_one_json_object_for_each_file(good: Path, bad: Path) -> None:
    result = CliRunner().invoke(rules, ["check", "--json", str(good), str(bad)])

    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert result.exit_code == 1
    assert (first["ok"], first["rules"][0]["name"], first["rules"][0]["window"]) == (True, "violence", "24h")
    assert (second["ok"], second["problems"][0]["line"], second["problems"][0]["field"]) == (
        False,
        4,
        "rules[0].window",
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(rules, ["check", str(tmp_path / "none.yaml")])

    assert result.exit_code == 1
    assert "No such file" in result.stderr
