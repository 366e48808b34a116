"""The status is what is there now, not what was once written down."""

import json
import os
from pathlib import Path

import pytest

from tocsin_cli.stack import stack_status
from tocsin_cli.stack.processes import ProcessIdentity, identify
from tocsin_cli.stack.stack_status import read_status
from tocsin_cli.stack.state_directory import PartRecord, PartState, StackRecord, StackState, StateDirectory
from tocsin_cli.stack.stop_stack import stop_stack

pytestmark = pytest.mark.unit

GONE = ProcessIdentity(pid=os.getpid(), started="another boot/1")


def here() -> ProcessIdentity:
    identity = identify(os.getpid())
    assert identity is not None
    return identity


def write(
    path: Path, launcher: ProcessIdentity | None, state: StackState = StackState.READY, **parts: PartRecord
) -> None:
    directory = StateDirectory(path)
    directory.create()
    directory.write(StackRecord(state=state, launcher=launcher, message="ready", parts=parts))


@pytest.fixture(autouse=True)
def problems(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """What the parts answer: None, or what is wrong."""
    answers: dict[str, str | None] = {"kafka": None, "redis": None, "ingest": None}
    monkeypatch.setattr(stack_status, "kafka_probe", lambda _: lambda: answers["kafka"])
    monkeypatch.setattr(stack_status, "redis_probe", lambda _: lambda: answers["redis"])
    monkeypatch.setattr(stack_status, "http_probe", lambda _: lambda: answers["ingest"])
    return answers


def part(process: ProcessIdentity | None, state: PartState = PartState.READY) -> PartRecord:
    return PartRecord(state, "http://127.0.0.1:8080", "/logs/part.log", process, restarts=2)


def test_directory_without_a_record_is_stopped(tmp_path: Path) -> None:
    status = read_status(tmp_path)
    assert status.record.state is StackState.STOPPED
    assert status.as_json()["parts"] == {}


def test_json_names_state_process_log_address_and_restarts_of_each_part_in_order(tmp_path: Path) -> None:
    write(tmp_path, here(), ingest=part(here()), kafka=part(here()))
    answer = json.loads(json.dumps(read_status(tmp_path).as_json()))
    assert answer["state"] == "ready"
    assert list(answer["parts"]) == ["kafka", "ingest"]
    assert answer["parts"]["ingest"] == {
        "state": "ready",
        "pid": os.getpid(),
        "log": "/logs/part.log",
        "address": "http://127.0.0.1:8080",
        "restarts": 2,
        "detail": None,
    }


def test_part_that_does_not_answer_now_is_not_ready(tmp_path: Path, problems: dict[str, str | None]) -> None:
    write(tmp_path, here(), kafka=part(here()), ingest=part(here()))
    problems["ingest"] = "/readyz says 503"
    status = read_status(tmp_path).record
    assert status.state is StackState.DEGRADED
    assert status.parts["ingest"].state is PartState.NOT_READY
    assert status.parts["ingest"].detail == "/readyz says 503"
    assert status.parts["kafka"].state is PartState.READY


def test_part_whose_process_id_belongs_to_another_is_stopped(tmp_path: Path) -> None:
    write(tmp_path, here(), kafka=part(GONE))
    status = read_status(tmp_path).record
    assert status.state is StackState.DEGRADED
    assert status.parts["kafka"].state is PartState.STOPPED
    assert status.parts["kafka"].process is None


def test_stack_whose_launcher_was_killed_is_stopped(tmp_path: Path) -> None:
    write(tmp_path, GONE, kafka=part(GONE))
    status = read_status(tmp_path).record
    assert status.state is StackState.STOPPED
    assert "without `tocsin down`" in status.message


def test_parts_that_outlived_their_launcher_are_shown_with_the_remedy(tmp_path: Path) -> None:
    write(tmp_path, GONE, kafka=part(here()))
    status = read_status(tmp_path).record
    assert status.state is StackState.DEGRADED
    assert "tocsin down" in status.message


def test_existing_server_that_went_away_makes_the_stack_degraded(
    tmp_path: Path, problems: dict[str, str | None]
) -> None:
    write(tmp_path, here(), redis=part(None, PartState.EXTERNAL))
    assert read_status(tmp_path).record.state is StackState.READY
    problems["redis"] = "Redis does not answer"
    assert read_status(tmp_path).record.state is StackState.DEGRADED


def test_down_signals_nobody_who_only_has_a_recorded_process_id(tmp_path: Path) -> None:
    write(tmp_path, GONE, kafka=part(GONE))
    told: list[str] = []
    stop_stack(tmp_path, volumes=False, report=told.append)
    # This very process has the recorded id and still runs; the record says that nothing does.
    assert told == []
    assert read_status(tmp_path).record.state is StackState.STOPPED


def test_down_removes_data_only_when_asked(tmp_path: Path) -> None:
    write(tmp_path, GONE, kafka=part(GONE))
    segment = tmp_path / "data" / "kafka" / "segment"
    segment.parent.mkdir(parents=True)
    segment.write_text("articles")
    stop_stack(tmp_path, volumes=False, report=lambda _: None)
    assert segment.exists()
    stop_stack(tmp_path, volumes=True, report=lambda _: None)
    assert not (tmp_path / "data").exists()


def test_down_where_nothing_ever_ran_makes_no_directory(tmp_path: Path) -> None:
    assert not stop_stack(tmp_path / "never", volumes=True, report=lambda _: None)
    assert not (tmp_path / "never").exists()
