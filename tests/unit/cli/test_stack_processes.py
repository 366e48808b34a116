"""Processes are recognised by id and start time, and ended for certain."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tocsin_cli.stack.processes import identify, is_alive, stop_process

pytestmark = pytest.mark.unit

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(60)"
POLITE = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('asked', flush=True)));"
    "print('on', flush=True); time.sleep(60)"
)
WITH_CHILD = (
    "import subprocess, time;child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def test_identity_is_the_same_at_every_look_and_differs_between_processes(sleeper: subprocess.Popen[bytes]) -> None:
    mine, other = identify(os.getpid()), identify(sleeper.pid)
    assert mine is not None
    assert mine == identify(os.getpid())
    assert other is not None
    assert other != mine


def test_ended_process_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    assert is_alive(identity)
    sleeper.kill()
    sleeper.wait()
    assert not is_alive(identity)


def test_process_that_was_not_waited_for_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    sleeper.kill()
    deadline = time.monotonic() + 10
    while is_alive(identity):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_recycled_process_id_is_never_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identify(sleeper.pid)
    assert identity is not None
    earlier = replace(identity, started=identity.started + "0")
    assert not is_alive(earlier)
    assert not stop_process(earlier, patience_s=1)
    assert sleeper.poll() is None


def run_python(script: str) -> "subprocess.Popen[str]":
    """Start a Python that prints a line once it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_process_is_asked_before_it_is_killed() -> None:
    with run_python(POLITE) as process:
        identity = identify(process.pid)
        assert identity is not None
        assert stop_process(identity, patience_s=20)
        assert not is_alive(identity)
        assert process.stdout is not None
        assert process.stdout.read() == "asked\n"


def test_process_that_ignores_the_request_is_killed() -> None:
    with run_python(STUBBORN) as process:
        identity = identify(process.pid)
        assert identity is not None
        assert stop_process(identity, patience_s=0.2)
        assert not is_alive(identity)


def test_what_a_killed_process_had_started_goes_with_it() -> None:
    command = [sys.executable, "-c", WITH_CHILD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        assert parent.stdout is not None
        child = identify(int(parent.stdout.readline()))
        identity = identify(parent.pid)
        assert identity is not None
        assert is_alive(child)
        stop_process(identity, patience_s=0)
        deadline = time.monotonic() + 10
        while is_alive(child):
            assert time.monotonic() < deadline
            time.sleep(0.01)
