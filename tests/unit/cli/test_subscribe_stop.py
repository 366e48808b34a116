"""The end of a subscription never falls between an alert and its cursor."""

import os
import signal

import pytest

from tocsin_cli.subscribe.stop_cleanly import Stopped, StopRequest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_a_step_finish_and_ends_at_the_next_check(number: int) -> None:
    with StopRequest().listening() as stop:
        os.kill(os.getpid(), number)
        finished = True
        with pytest.raises(Stopped):
            stop.check()
    assert finished


def test_a_signal_interrupts_waiting_at_once() -> None:
    with StopRequest().listening() as stop, pytest.raises(Stopped), stop.waiting():
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_before_waiting_prevents_it() -> None:
    with StopRequest().listening() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Stopped), stop.waiting():
            pytest.fail("waiting began")


def test_a_second_signal_interrupts_a_step_that_hangs() -> None:
    with StopRequest().listening():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_former_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    with StopRequest().listening():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_time_runs_out() -> None:
    stop = StopRequest(timeout_s=0)
    assert stop.timed_out
    assert stop.remaining_s(5) == 0
    with pytest.raises(Stopped):
        stop.check()
