"""The demo's scenario is read with clear errors, and laid along the clock."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin_cli.demo.scenario import BUNDLED, Note, Scenario, ScenarioError, load_scenario
from tocsin_cli.demo.timeline import Timeline

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 24, 18, 0, 0, tzinfo=UTC)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the bundled scenario that a test may spoil."""
    return Path(shutil.copytree(BUNDLED, tmp_path / "scenario"))


def rewrite(directory: Path, number: int, **changes: Any) -> None:
    path = directory / "articles.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[number - 1] = json.dumps({**json.loads(lines[number - 1]), **changes})
    path.write_text("\n".join(lines), encoding="utf-8")


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def edited_id(scenario: Scenario) -> tuple[str, str, float]:
    edit = next(article for article in scenario.articles if article.note is Note.EDITED)
    return edit.id, edit.outlet, edit.at_s


def test_the_bundled_scenario_loads_in_order_of_time() -> None:
    scenario = load_scenario()
    times = [article.at_s for article in scenario.articles]
    assert times == sorted(times)
    assert scenario.readable + scenario.malformed == len(scenario.articles)
    assert scenario.malformed == scenario.expected.dead_letters == 1
    assert "NO" in scenario.expected.must_not_alert


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"intended_level": 6}, "intended_level"),
        ({"at_s": -1}, "at_s"),
        ({"outlet": "nobody"}, "unknown outlet, nobody"),
        ({"note": "malformed"}, "raw"),
        ({"text": ""}, "a title and a text"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_article_is_refused_and_the_reason_named(directory: Path, changes: Any, named: str) -> None:
    rewrite(directory, 3, **changes)
    with pytest.raises(ScenarioError, match=named):
        load_scenario(directory)


def test_a_line_that_is_no_json_is_named_by_its_number(directory: Path) -> None:
    path = directory / "articles.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = "{"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"articles\.jsonl, line 5"):
        load_scenario(directory)


def test_an_id_that_comes_twice_without_being_an_edit_is_refused(directory: Path) -> None:
    first = json.loads((directory / "articles.jsonl").read_text(encoding="utf-8").splitlines()[0])
    rewrite(directory, 2, id=first["id"])
    with pytest.raises(ScenarioError, match="only an edit"):
        load_scenario(directory)


def test_a_missing_file_is_a_clear_error(directory: Path) -> None:
    (directory / "scenario.yaml").unlink()
    with pytest.raises(ScenarioError, match=r"scenario\.yaml"):
        load_scenario(directory)


def test_nothing_appears_before_the_clock_is_started() -> None:
    scenario = load_scenario()
    timeline = Timeline(scenario)
    assert timeline.appeared(after(1_000)) == 0
    assert all(timeline.visible(outlet.key, after(1_000)) == [] for outlet in scenario.outlets)
    assert timeline.elapsed_s(after(1_000)) == 0


def test_articles_appear_at_their_time_newest_first() -> None:
    scenario = load_scenario()
    timeline = Timeline(scenario)
    timeline.start(START)
    outlet = scenario.outlets[0].key
    due = [article for article in scenario.articles if article.outlet == outlet and article.at_s <= 30]
    shown = timeline.visible(outlet, after(30))
    assert [item.article for item in shown] == due[::-1]
    assert [item.published_at for item in shown] == [after(article.at_s) for article in due[::-1]]


def test_an_edit_waits_until_the_first_wording_was_fetched_then_takes_its_place() -> None:
    scenario = load_scenario()
    timeline = Timeline(scenario)
    timeline.start(START)
    key, outlet, at_s = edited_id(scenario)

    def shown() -> Any:
        return next(item for item in timeline.visible(outlet, after(at_s + 1)) if item.article.id == key)

    before = timeline.appeared(after(at_s + 1))
    assert shown().article.note is not Note.EDITED
    timeline.mark_fetched([shown()])
    assert shown().article.note is Note.EDITED
    assert shown().updated_at == after(at_s)
    assert shown().published_at < shown().updated_at
    assert timeline.appeared(after(at_s + 1)) == before + 1
