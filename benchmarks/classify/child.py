"""A process that stays loaded between rounds: one line of JSON asks, one line of JSON answers."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[2]
LOG_CHARS = 2_000


class ChildError(Exception):
    """A process ended, or answered nothing that can be read; the text holds the end of its log."""


class Child:
    """Runs `command` in the repository's root; `ready` is the first line that it printed."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        """Start it and wait until it is loaded. Raises ChildError when it ends instead."""
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        try:
            self.ready = self._read()
        except BaseException:
            self.close()
            raise

    def ask(self, **question: str) -> dict[str, Any]:
        """Return its answer. Raises ChildError when it ends instead."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ChildError(self._complaint()) from error
        return self._read()

    def close(self) -> None:
        """Let it end, or make it."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            answer: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            raise ChildError(self._complaint()) from error
        return answer

    def _complaint(self) -> str:
        command = " ".join(map(str, self._process.args)) if isinstance(self._process.args, list | tuple) else ""
        return f"{command} gave no answer:\n{read_end(self._log)}"


def answer_questions(
    ready: dict[str, Any], answer: Callable[..., dict[str, Any]], questions: IO[str] = sys.stdin
) -> None:
    """The child's side: say `ready`, then answer each line until there are no more."""
    print(json.dumps(ready), flush=True)
    for line in questions:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def read_end(log: Path) -> str:
    """The last characters of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-LOG_CHARS:].strip()
