"""One run of `tocsin classify` over a file, as a whole process."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.classify.child import ROOT, ChildError, read_end

BATCH = 32
"""The command's own: that many results come at once."""


@dataclass(frozen=True)
class CommandRun:
    """What a run took. Times in seconds from the start of the process; `lines` is what it printed."""

    first_s: float
    total_s: float
    per_s: float
    peak_bytes: int
    lines: list[bytes]


def time_command(
    articles: Path, model: Path, threads: int, log: Path, prefix: Sequence[str] = ("-m", "tocsin_cli")
) -> CommandRun:
    """Classify the file and watch the results come. Raises ChildError when the command fails."""
    started = time.perf_counter()
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, *prefix, "classify", str(articles), "--model", str(model), "--batch-size", str(BATCH)],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env=environment(os.environ, threads),
        )
    assert process.stdout is not None
    lines, moments = [], []
    for line in process.stdout:
        moments.append(time.perf_counter() - started)
        lines.append(line)
    # Instead of wait(), because it also tells the peak of the memory.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    total = time.perf_counter() - started
    process.stdout.close()
    if process.returncode != 0 or not lines:
        raise ChildError(f"tocsin classify ended with {process.returncode}:\n{read_end(log)}")
    return CommandRun(moments[0], total, rate_after_first_batch(moments, BATCH), usage.ru_maxrss * 1024, lines)


def rate_after_first_batch(moments: Sequence[float], batch: int) -> float:
    """Results per second once loaded: from the end of the first batch, whose results came at one moment, to the last.

    Of all results since the start where there are no more than two batches.
    """
    ordered = sorted(moments)
    if len(ordered) <= 2 * batch or ordered[-1] <= ordered[batch - 1]:
        return len(ordered) / ordered[-1]
    return (len(ordered) - batch) / (ordered[-1] - ordered[batch - 1])


def environment(inherited: Mapping[str, str], threads: int, **own: str) -> dict[str, str]:
    """The caller's environment without its settings of Tocsin, and these instead."""
    kept = {name: value for name, value in inherited.items() if not name.upper().startswith("TOCSIN_")}
    return {**kept, "TOCSIN_CLASSIFY_THREADS": str(threads), "TOCSIN_LOG_LEVEL": "warning", **own}
