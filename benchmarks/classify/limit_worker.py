"""The limit: ONNX Runtime alone, on the very windows that the classifier computes, tokenised beforehand."""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from benchmarks.classify.child import answer_questions
from tocsin_classify.backend import Backend
from tocsin_classify.load_classifier import load_classifier
from tocsin_classify.model_directory import WEIGHTS
from tocsin_classify.read_article import read_article

BATCH = 32
WARM_UP = 4

Feed = dict[str, npt.NDArray[np.int64]]


class Recorder:
    """A backend that keeps the windows which it is given."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.windows: list[list[int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def infer(self, windows: Sequence[Sequence[int]], **rest: Any) -> Any:
        """What the backend gives."""
        self.windows.extend(list(window) for window in windows)
        return self._backend.infer(windows, **rest)


def record_windows(model: Path, threads: int, files: dict[str, Path]) -> dict[str, list[list[int]]]:
    """The windows that classifying each file computes, by its kind."""
    classifier = load_classifier(model, threads)
    backend = classifier.backend
    found = {}
    for kind, file in files.items():
        recorder = Recorder(backend)
        classifier.backend = recorder
        articles = [read_article(line, datetime.now(UTC)) for line in file.read_bytes().splitlines()]
        for start in range(0, len(articles), BATCH):
            classifier.classify_batch(articles[start : start + BATCH])
        found[kind] = recorder.windows
    backend.close()
    return found


def single_feeds(windows: Sequence[Sequence[int]]) -> list[Feed]:
    """Each window by itself, the longest first."""
    ordered = sorted(windows, key=len, reverse=True)
    return [{"input_ids": ids, "attention_mask": np.ones_like(ids)} for ids in (np.array([one]) for one in ordered)]


def batched_feeds(windows: Sequence[Sequence[int]], pad: int) -> list[Feed]:
    """BATCH windows together, sorted by length so that little is padded."""
    ordered = sorted(windows, key=len, reverse=True)
    feeds = []
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        ids = np.full((len(batch), len(batch[0])), pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(batch):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        feeds.append({"input_ids": ids, "attention_mask": mask})
    return feeds


def open_session(weights: Path, threads: int) -> Any:
    """A session of which each call uses that many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def main() -> int:
    """Load, then answer {kind, way}: way is `single` (a window per thread) or `batched` (all threads on a batch)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--articles", nargs=2, action="append", metavar=("KIND", "JSONL"), required=True)
    options = parser.parse_args()
    windows = record_windows(options.model, options.threads, {kind: Path(file) for kind, file in options.articles})
    sessions = {
        "single": open_session(options.model / WEIGHTS, 1),
        "batched": open_session(options.model / WEIGHTS, options.threads),
    }
    feeds = {
        (kind, way): single_feeds(own) if way == "single" else batched_feeds(own, pad=1)
        for kind, own in windows.items()
        for way in sessions
    }
    pools = {"single": ThreadPoolExecutor(options.threads), "batched": ThreadPoolExecutor(1)}

    def answer(kind: str, way: str) -> dict[str, Any]:
        began = time.perf_counter()
        for _ in pools[way].map(lambda feed: sessions[way].run(None, feed), feeds[kind, way]):
            pass
        return {"seconds": time.perf_counter() - began}

    for way, session in sessions.items():
        for feed in feeds[next(iter(windows)), way][:WARM_UP]:
            session.run(None, feed)
    answer_questions(
        {
            "windows": {kind: len(own) for kind, own in windows.items()},
            "tokens": {kind: sum(map(len, own)) for kind, own in windows.items()},
        },
        answer,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
