"""What loading costs, step by step, in seconds and resident memory: as the service loads, without Kafka."""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.classify.stage_clock import find_owner

BATCH = 32
_IMPORT_TIME = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \| \s*([\w.]+)$")


def main() -> int:
    """Print one line of JSON: [[step, seconds, bytes resident after it], …]. Arguments: MODEL THREADS FILE…"""
    model, threads, *files = sys.argv[1:]
    steps: list[tuple[str, float, int]] = []
    process = psutil.Process()
    last = time.perf_counter()

    def done(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        steps.append((step, now - last, process.memory_info().rss))
        last = now

    def before_and_after(function: Callable[..., Any], before: str, after: str) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            done(before)
            found = function(*given, **named)
            done(after)
            return found

        return watched

    # What load_onnx_backend says to transformers, which listens at its import.
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error", "TOKENIZERS_PARALLELISM": "false"}
    os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"] = "1"
    done("Python")
    import tocsin_classify.__main__
    from tocsin_classify.load_classifier import load_classifier
    from tocsin_classify.read_article import read_article

    assert tocsin_classify.__main__
    done("import of the service: Faust, Kafka's client, pydantic")
    for path, before, after in (
        ("tocsin_classify.load_classifier:load_gazetteer", "reading the settings", "names of places"),
        ("tocsin_classify.onnx_backend:_load_with_transformers", "", "tokenizer, transformers imported"),
        ("tocsin_classify.onnx_backend:_open_session", "", "weights, ONNX Runtime imported"),
    ):
        owner, name = find_owner(path)
        setattr(owner, name, before_and_after(getattr(owner, name), before, after))
    classifier = load_classifier(Path(model), int(threads))
    done("one window as a check, freed memory given back")
    for file in files:
        articles = [read_article(line, datetime.now(UTC)) for line in Path(file).read_bytes().splitlines()[:BATCH]]
        classifier.classify_batch(articles)
        done(f"first {len(articles)} of {Path(file).stem}")
    classifier.close()
    print(json.dumps([step for step in steps if step[0]]))
    return 0


def read_import_times(report: str, most: int) -> list[tuple[str, float]]:
    """The packages that took longest to import and their seconds, from what `python -X importtime` says.

    A module counts for its top package, without what it imports from others.
    """
    spent: Counter[str] = Counter()
    for line in report.splitlines():
        if found := _IMPORT_TIME.match(line):
            spent[found[2].partition(".")[0]] += int(found[1])
    return [(name, microseconds / 1e6) for name, microseconds in spent.most_common(most)]


if __name__ == "__main__":
    sys.exit(main())
