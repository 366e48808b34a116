"""Starts a launcher that outlives this process, and waits until its stack is ready."""

import os
import subprocess
import sys
import time

from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import Report
from tocsin_cli.stack.processes import is_alive
from tocsin_cli.stack.state_directory import StackRecord, StackState, StateDirectory, tail


def start_detached(config: StackConfig, *, report: Report) -> StackRecord:
    """Start the stack in a process of its own and return its record once every part answers.

    A stack with the same parts that is ready already is left as it is. Raises StackError when it does not start;
    nothing is left running then. The launcher reads the same settings from the environment that made `config`.
    """
    directory = StateDirectory(config.state_directory)
    running = directory.read()
    if (
        running is not None
        and is_alive(running.launcher)
        and running.state is StackState.READY
        and set(running.parts) >= set(config.parts)
    ):
        report("already running")
        return running
    with directory.locked():
        log = directory.open_log("launcher")
    with log.open("ab") as output:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "tocsin_cli.stack.launcher", ",".join(config.parts)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=os.environ.copy(),
        )
    try:
        return _wait(launcher, directory, report)
    except BaseException:
        # An error or Ctrl-C: the launcher stops what it has started.
        launcher.terminate()
        launcher.wait()
        raise


def _wait(launcher: "subprocess.Popen[bytes]", directory: StateDirectory, report: Report) -> StackRecord:
    told = ""
    while True:
        ended = launcher.poll()
        record = directory.read()
        own = record is not None and record.launcher is not None and record.launcher.pid == launcher.pid
        if record is not None and own:
            if record.message != told:
                told = record.message
                report(told)
            if record.state is StackState.READY:
                return record
        if ended is not None:
            if record is not None and own and record.error:
                raise StackError(record.error, exit_code=record.exit_code)
            raise StackError(f"the launcher ended with code {ended}:\n{tail(directory.logs / 'launcher.log')}")
        time.sleep(0.1)
