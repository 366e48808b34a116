"""The first signal ends the demo in order, a later one ends it at once, and none is lost in between."""

import os
import signal
import threading

import pytest

from tocsin_cli.demo.stop_signals import StopSignals

pytestmark = pytest.mark.unit


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_with_a_notice_and_its_exit_code(number: signal.Signals) -> None:
    said: list[str] = []
    signals = StopSignals(lambda: said.append("stopping"))
    with signals, pytest.raises(KeyboardInterrupt):
        send(number)
    assert said == ["stopping"]
    assert signals.exit_code == 128 + number


def test_a_later_signal_hurries_without_interrupting_the_end() -> None:
    hurried = threading.Event()
    with StopSignals(lambda: None) as signals:
        signals.hurry = hurried.set
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        send(signal.SIGINT)
        assert hurried.wait(5)


def test_once_the_end_has_begun_by_itself_a_signal_only_hurries() -> None:
    hurried = threading.Event()
    with StopSignals(lambda: None) as signals:
        signals.hurry = hurried.set
        signals.only_hurry()
        send(signal.SIGTERM)
        assert hurried.wait(5)


def test_waiting_ends_at_the_signal() -> None:
    with StopSignals(lambda: None) as signals:
        timer = threading.Timer(0.2, send, [signal.SIGINT])
        timer.start()
        signals.wait()
        timer.join()
        assert signals.exit_code == 130


def test_the_former_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopSignals(lambda: None):
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
