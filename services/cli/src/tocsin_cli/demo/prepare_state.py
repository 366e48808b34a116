"""The demo's own directory: made anew, removed at the end, and what a killed demo has left behind removed as well."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tocsin_cli.demo.feed_server import FeedServer
from tocsin_cli.demo.scenario import Scenario
from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.local_stack import end_leftovers
from tocsin_cli.stack.state_directory import StateDirectory

PREFIX: Final = "tocsin-demo-"
POLL_INTERVAL_S: Final = 1
"""The shortest that ingest allows."""
_ABANDONED_AFTER_S: Final = 900
"""Longer than any demo runs without writing to its directory; `--keep` holds the directory's lock."""


@dataclass
class State:
    """The directory of one demo. Its logs outlive it when `keep_logs` is set."""

    path: Path
    keep_logs: bool = False


@contextlib.contextmanager
def state_directory(wanted: Path | None) -> Iterator[State]:
    """Give the directory `wanted`, which must be empty and stays, or a temporary one, which is removed at the end.

    Raises StackError when `wanted` cannot be used. When the block raises it, its message names logs: those stay.
    """
    if wanted is not None:
        yield State(_empty_directory(wanted))
        return
    remove_abandoned(Path(tempfile.gettempdir()))
    state = State(Path(tempfile.mkdtemp(prefix=PREFIX)))
    try:
        yield state
    except StackError:
        state.keep_logs = True
        raise
    finally:
        logs = state.path / "logs"
        kept = state.keep_logs and logs.is_dir() and any(logs.iterdir())
        shutil.rmtree(state.path / "data" if kept else state.path, ignore_errors=True)


def _empty_directory(path: Path) -> Path:
    path = path.expanduser().absolute()
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if any(path.iterdir()):
            raise StackError(f"--state-dir: {path} is not empty; the demo needs a directory of its own", exit_code=2)
    except OSError as error:
        raise StackError(f"--state-dir: {error}", exit_code=2) from error
    return path


def remove_abandoned(parent: Path) -> list[Path]:
    """Remove the directories of demos that no longer run, with any process that they left, and return them."""
    removed = []
    for path in parent.glob(f"{PREFIX}*"):
        try:
            status = path.lstat()
            old = time.time() - status.st_mtime > _ABANDONED_AFTER_S
            if path.is_symlink() or not path.is_dir() or status.st_uid != os.getuid() or not old:
                continue
            directory = StateDirectory(path)
            with directory.locked():
                end_leftovers(directory)
                shutil.rmtree(path, ignore_errors=True)
        except (OSError, StackError):
            # Somebody's running demo, or not ours to judge.
            continue
        removed.append(path)
    return removed


def write_feeds_file(path: Path, scenario: Scenario, server: FeedServer) -> None:
    """Write the list of the scenario's feeds for ingest."""
    feeds = [
        {
            "name": f"demo-{outlet.key}",
            "url": server.feed_url(outlet),
            "interval": POLL_INTERVAL_S,
            "source": {"name": outlet.name, "domain": outlet.domain},
        }
        for outlet in scenario.outlets
    ]
    path.write_text(yaml.safe_dump({"feeds": feeds}, allow_unicode=True, sort_keys=False), encoding="utf-8")


def find_rules() -> Path:
    """Return the demo's rules: packaged beside this module when installed from a wheel, else the checkout's.

    Raises StackError when neither is there.
    """
    here = Path(__file__).resolve()
    candidates = [here.with_name("rules.yaml")]
    if len(here.parents) > 5:
        candidates.append(here.parents[5] / "deploy" / "rules" / "demo.yaml")
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise StackError("the demo's rules (deploy/rules/demo.yaml) are not part of this installation")
