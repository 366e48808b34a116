"""The demo's directory is its own, and what a killed demo left behind goes with the next one."""

import os
import tempfile
from pathlib import Path

import pytest

from tocsin_cli.demo.feed_server import FeedServer
from tocsin_cli.demo.prepare_state import PREFIX, find_rules, remove_abandoned, state_directory, write_feeds_file
from tocsin_cli.demo.scenario import load_scenario
from tocsin_cli.demo.timeline import Timeline
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.state_directory import StateDirectory
from tocsin_ingest.feeds_file import read_feeds_file

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def make_old(path: Path) -> None:
    os.utime(path, (1, 1))


def test_a_temporary_directory_is_removed_at_the_end(tmp_path: Path) -> None:
    with state_directory(None) as state:
        assert state.path.parent == tmp_path
        (state.path / "data").mkdir()
    assert list(tmp_path.iterdir()) == []


def test_only_the_logs_stay_of_a_stack_that_did_not_start(tmp_path: Path) -> None:
    def fail_to_start() -> None:
        with state_directory(None) as state:
            (state.path / "data").mkdir()
            (state.path / "logs").mkdir()
            (state.path / "logs" / "kafka.log").write_text("out of memory")
            raise StackError("kafka does not start")

    with pytest.raises(StackError):
        fail_to_start()
    (kept,) = tmp_path.iterdir()
    assert (kept / "logs" / "kafka.log").is_file()
    assert not (kept / "data").exists()


def test_nothing_stays_of_a_demo_that_failed_before_it_had_logs(tmp_path: Path) -> None:
    with pytest.raises(StackError), state_directory(None):
        raise StackError("no rules")
    assert list(tmp_path.iterdir()) == []


def test_nothing_stays_of_a_demo_that_was_interrupted(tmp_path: Path) -> None:
    def be_interrupted() -> None:
        with state_directory(None) as state:
            (state.path / "logs").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_named_directory_stays_and_must_be_empty(tmp_path: Path) -> None:
    wanted = tmp_path / "mine"
    with state_directory(wanted) as state:
        (state.path / "logs").mkdir()
    assert wanted.is_dir()
    with pytest.raises(StackError, match="not empty") as error, state_directory(wanted):
        pass
    assert error.value.exit_code == 2


def test_what_a_killed_demo_left_is_removed_and_a_running_one_left_alone(tmp_path: Path) -> None:
    old, running, fresh = (tmp_path / f"{PREFIX}{name}" for name in ("old", "running", "fresh"))
    elsewhere = tmp_path / "elsewhere"
    for path in (old, running, fresh, elsewhere):
        path.mkdir()
        (path / "file").touch()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(elsewhere)
    with StateDirectory(running).locked():
        make_old(old)
        make_old(running)
        assert remove_abandoned(tmp_path) == [old]
    assert not old.exists()
    assert all((path / "file").exists() for path in (running, fresh, elsewhere))


def test_the_feeds_file_is_one_that_ingest_reads(tmp_path: Path) -> None:
    scenario = load_scenario()
    server = FeedServer(scenario, Timeline(scenario))
    with server:
        path = tmp_path / "feeds.yaml"
        write_feeds_file(path, scenario, server)
        feeds = read_feeds_file(path)
    assert [feed.source.name for feed in feeds if feed.source] == [outlet.name for outlet in scenario.outlets]
    assert [feed.source_domain for feed in feeds] == [outlet.domain for outlet in scenario.outlets]
    assert all(feed.interval <= 2 for feed in feeds)


def test_the_demos_rules_are_found_and_name_the_expected_rules() -> None:
    import yaml

    rules = yaml.safe_load(find_rules().read_text(encoding="utf-8"))["rules"]
    assert {alert.rule for alert in load_scenario().expected.alerts} <= {rule["name"] for rule in rules}
