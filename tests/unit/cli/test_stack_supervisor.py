"""A part is started again when it dies, stopped when asked, and never outlives its launcher."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tocsin_cli.stack import supervisor
from tocsin_cli.stack.processes import identify, is_alive
from tocsin_cli.stack.state_directory import PartRecord, PartState
from tocsin_cli.stack.supervisor import PartSpec, SupervisedPart, backoff_s, describe_exit

pytestmark = pytest.mark.unit

SLEEP = "import time; time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('on', 'w'); time.sleep(60)"
LAUNCHER = """
import sys, time
from pathlib import Path
from tocsin_cli.stack.supervisor import PartSpec, SupervisedPart
import os
command = (sys.executable, "-c", "import time; time.sleep(60)")
part = SupervisedPart(PartSpec("p", command, dict(os.environ), Path(sys.argv[1]), "", lambda: None), lambda: None)
part.start()
while part.record().process is None:
    time.sleep(0.01)
print(part.record().process.pid, flush=True)
time.sleep(60)
"""


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Watched:
    """A part that runs a Python script, with every state it went through."""

    def __init__(self, directory: Path, script: str, problem: Callable[[], str | None] = lambda: None) -> None:
        self.history: list[PartRecord] = []
        spec = PartSpec(
            name="part",
            command=(sys.executable, "-c", script),
            environment=dict(os.environ),
            log=directory / "part.log",
            address="nowhere",
            probe=problem,
        )
        self.part = SupervisedPart(spec, lambda: self.history.append(self.part.record()))
        self.part.start()

    def wait_for(self, state: PartState) -> PartRecord:
        wait_until(lambda: self.part.record().state is state)
        return self.part.record()


def has_restarted(watched: Watched, times: int) -> bool:
    return watched.part.record().restarts == times


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Watched]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.01)
    started: list[Watched] = []

    def start(*arguments: object) -> Watched:
        started.append(Watched(tmp_path, *arguments))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for watched in started:
        watched.part.stop(patience_s=0)


def test_part_is_ready_only_when_it_answers(run: Callable[..., Watched]) -> None:
    answers = iter(["loading", "loading"])
    watched = run(SLEEP, lambda: next(answers, None))
    ready = watched.wait_for(PartState.READY)
    assert ready.detail is None
    assert [record.state for record in watched.history][-1] is PartState.READY
    assert any(record.detail == "loading" for record in watched.history)


def test_part_that_is_killed_is_started_again_and_counted(run: Callable[..., Watched]) -> None:
    watched = run(SLEEP)
    for restarts in (1, 2):
        process = watched.wait_for(PartState.READY).process
        assert process is not None
        os.kill(process.pid, 9)
        wait_until(partial(has_restarted, watched, restarts))
    assert watched.wait_for(PartState.READY).restarts == 2
    assert any("killed by SIGKILL" in (record.detail or "") for record in watched.history)


def test_exit_code_and_output_of_a_part_that_ends_are_kept(run: Callable[..., Watched], tmp_path: Path) -> None:
    watched = run("print('the reason'); raise SystemExit(2)", lambda: "not yet")
    wait_until(lambda: watched.part.last_exit is not None)
    assert watched.part.last_exit == 2
    assert "the reason" in (tmp_path / "part.log").read_text()


def test_program_that_does_not_exist_is_retried_and_explained(tmp_path: Path) -> None:
    spec = PartSpec("part", ("/no/such/program",), {}, tmp_path / "log", "", lambda: None)
    part = SupervisedPart(spec, lambda: None)
    part.start()
    wait_until(lambda: part.record().restarts > 0)
    part.stop(patience_s=1)
    assert part.record().state is PartState.STOPPED


def test_stopped_part_is_gone_and_not_started_again(run: Callable[..., Watched]) -> None:
    watched = run(SLEEP)
    process = watched.wait_for(PartState.READY).process
    watched.part.stop()
    assert not is_alive(process)
    assert watched.part.record().state is PartState.STOPPED
    assert watched.part.record().process is None


def test_part_that_does_not_stop_when_asked_is_killed(run: Callable[..., Watched], tmp_path: Path) -> None:
    watched = run(STUBBORN, lambda: None if (tmp_path / "on").exists() else "not yet")
    process = watched.wait_for(PartState.READY).process
    watched.part.stop(patience_s=0.1)
    assert not is_alive(process)


def test_part_can_be_stopped_while_it_waits_to_be_started_again(
    run: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 60.0)
    monkeypatch.setattr(supervisor, "LONGEST_BACKOFF_S", 60.0)
    watched = run("raise SystemExit(1)", lambda: "not yet")
    watched.wait_for(PartState.RESTARTING)
    before = time.monotonic()
    watched.part.stop()
    assert time.monotonic() - before < 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_part_dies_with_its_killed_launcher(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LAUNCHER, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        child = identify(int(launcher.stdout.readline()))
        assert is_alive(child)
        launcher.kill()
    wait_until(lambda: not is_alive(child))


def test_pause_doubles_up_to_half_a_minute() -> None:
    pauses = [backoff_s(deaths) for deaths in range(1, 12)]
    assert 0.4 <= pauses[0] <= 0.6
    assert 1.6 <= pauses[2] <= 2.4
    assert all(24 <= pause <= 36 for pause in pauses[6:])
    assert backoff_s(10_000) <= 36


@pytest.mark.parametrize(
    ("code", "text"), [(1, "exited with code 1"), (-9, "killed by SIGKILL"), (-250, "killed by signal 250")]
)
def test_end_of_a_process_is_described(code: int, text: str) -> None:
    assert describe_exit(code) == text
