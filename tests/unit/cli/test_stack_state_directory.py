"""The record of what runs, the lock of who runs it, and the files around them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin_cli.stack import state_directory as state
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.processes import ProcessIdentity
from tocsin_cli.stack.state_directory import PartRecord, PartState, StackRecord, StackState, StateDirectory

pytestmark = pytest.mark.unit

RECORD = StackRecord(
    state=StackState.READY,
    launcher=ProcessIdentity(10, "boot/1"),
    message="ready",
    parts={
        "kafka": PartRecord(PartState.READY, "127.0.0.1:9092", "/logs/kafka.log", ProcessIdentity(11, "boot/2"), 3),
        "redis": PartRecord(PartState.EXTERNAL, "redis://elsewhere/0"),
    },
)


@pytest.fixture
def directory(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    directory.create()
    return directory


def test_record_is_read_as_written_and_leaves_nothing_else(directory: StateDirectory) -> None:
    directory.write(RECORD)
    assert directory.read() == RECORD
    assert sorted(path.name for path in directory.path.iterdir()) == ["data", "logs", "stack.json"]


def test_directory_and_record_are_their_owners_only(directory: StateDirectory) -> None:
    directory.write(RECORD)
    assert directory.path.stat().st_mode & 0o077 == 0
    assert directory.record_file.stat().st_mode & 0o077 == 0


def test_no_record_is_none(directory: StateDirectory) -> None:
    assert directory.read() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "ready"}', '{"state": "dancing"}', "\x00\xff"])
def test_unreadable_record_says_which_file(directory: StateDirectory, text: str) -> None:
    directory.record_file.write_text(text, encoding="latin-1")
    with pytest.raises(StackError, match=r"stack\.json"):
        directory.read()


def test_failed_write_keeps_the_old_record(directory: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    directory.write(RECORD)

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        directory.write(StackRecord(state=StackState.STOPPED))
    assert directory.read() == RECORD
    assert not list(directory.path.glob("stack-*"))


def test_second_launcher_is_refused_and_told_of_the_first(directory: StateDirectory) -> None:
    directory.write(RECORD)
    with (
        directory.locked(),
        pytest.raises(StackError, match=r"already runs in .*\(pid 10\).*tocsin down"),
        directory.locked(),
    ):
        pass
    with directory.locked():
        pass


def test_killed_launcher_does_not_keep_the_lock(directory: StateDirectory) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tocsin_cli.stack.state_directory import StateDirectory;"
        "lock = StateDirectory(Path(sys.argv[1])).locked(); lock.__enter__(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(directory.path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StackError), directory.locked():
            pass
        holder.kill()
    with directory.locked():
        pass


def test_unusable_directory_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="TOCSIN_STATE_DIR"):
        StateDirectory(tmp_path / "file" / "state").create()


def test_stopped_record_keeps_restarts_and_names_no_process() -> None:
    stopped = RECORD.stopped()
    assert stopped.state is StackState.STOPPED
    assert stopped.launcher is None
    assert stopped.parts["kafka"].state is PartState.STOPPED
    assert stopped.parts["kafka"].process is None
    assert stopped.parts["redis"].state is PartState.EXTERNAL


def test_removing_data_keeps_the_logs(directory: StateDirectory) -> None:
    (directory.data / "kafka").mkdir()
    (directory.data / "kafka" / "segment").write_text("data")
    directory.open_log("kafka").write_text("log")
    directory.remove_data()
    directory.remove_data()
    assert not directory.data.exists()
    assert (directory.logs / "kafka.log").read_text() == "log"


def test_long_log_is_set_aside_and_a_short_one_goes_on(
    directory: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOG_KEEP_BYTES", 10)
    directory.open_log("kafka").write_text("short")
    assert directory.open_log("kafka").read_text() == "short"
    directory.open_log("kafka").write_text("longer than ten bytes")
    assert directory.open_log("kafka").read_text() == ""
    assert (directory.logs / "kafka.log.old").read_text() == "longer than ten bytes"


def test_tail_is_the_end_of_a_log_and_empty_without_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert state.tail(log) == ""
    log.write_text("\n".join(str(number) for number in range(10_000)))
    assert state.tail(log, lines=2) == "9998\n9999"
