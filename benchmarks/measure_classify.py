"""Articles per second of `tocsin classify` on short items, time to the first result, and peak memory.

Takes JSONL of your own with --file; by default the demo's invented articles, cut to their first 300 characters and
repeated to the number wanted. Repeats cost the model as much as new texts: nothing is cached between articles.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import psutil

import tocsin_cli

SCENARIO = Path(tocsin_cli.__file__).parent / "demo" / "scenario" / "articles.jsonl"
SHORT_CHARS = 300


def write_items(file: Path, number: int) -> None:
    """Write `number` short items as JSONL."""
    articles = [json.loads(line) for line in SCENARIO.read_text(encoding="utf-8").splitlines()]
    short = [{"title": a["title"], "text": a["text"][:SHORT_CHARS]} for a in articles if a.get("title")]
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in islice(cycle(short), number))


def run(file: Path) -> dict[str, float]:
    """Classify `file` in a process of its own and return what it took."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin_cli", "classify", str(file)], stdout=subprocess.PIPE, env=os.environ
    )
    assert process.stdout is not None
    peak, lines, first = 0, 0, 0.0
    for _ in process.stdout:
        lines += 1
        if lines == 1:
            first = time.perf_counter() - started
        if lines % 50 == 1:
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
    if process.wait() != 0:
        raise SystemExit("tocsin classify failed")
    seconds = time.perf_counter() - started
    return {
        "articles": lines,
        "seconds": round(seconds, 2),
        "first_result_s": round(first, 2),
        "articles_per_s": round(lines / seconds, 1),
        "articles_per_s_after_first": round((lines - 1) / (seconds - first), 1),
        "peak_memory_mib": round(peak / 2**20),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, help="JSONL with title and text")
    parser.add_argument("--number", type=int, default=1_000, help="how many items, without --file")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        file = options.file
        if file is None:
            file = Path(directory) / "items.jsonl"
            write_items(file, options.number)
        figures = run(file)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:<28}{value:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
