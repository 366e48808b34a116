"""Runs a model directory over labelled items, exactly as the service reads articles, and takes its measure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import WEIGHTS, ModelSettings
from tocsin_classify.pool_windows import Prediction, pool_windows, sigmoid, softmax
from tocsin_classify.read_windows import read_windows
from tocsin_classify.training import metrics
from tocsin_classify.training.dataset import Item, long_text

Floats = npt.NDArray[np.float32]
# Thresholds a topic may get. Beyond these the development part is too small to say anything.
THRESHOLDS = tuple(round(0.15 + 0.05 * step, 2) for step in range(13))
# A topic gets a threshold of its own when the development part holds it at least this often.
OWN_THRESHOLD_FROM = 30
TEMPERATURES = tuple(round(0.5 + 0.05 * step, 2) for step in range(31))


@dataclass(frozen=True)
class Logits:
    """Raw outputs for the windows of one article: [W, 6], [W, 3], [W, T]."""

    level: Floats
    direction: Floats
    topics: Floats


def run_items(
    directory: Path,
    settings: ModelSettings,
    items: Sequence[Item],
    *,
    threads: int,
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> list[Logits]:
    """The windows' logits of each item, from the ONNX weights in `directory`."""
    import onnxruntime
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(directory / WEIGHTS), options, providers=["CPUExecutionProvider"])
    gathered = []
    for number, item in enumerate(items, start=1):
        windows = read_windows(
            item.title,
            long_text(item),
            tokenizer,
            window_tokens=settings.window_tokens,
            window_stride=settings.window_stride,
        )
        gathered.append(
            Logits(*(np.concatenate(part) for part in zip(*(_run(session, ids) for ids in windows), strict=True)))
        )
        listen(number, len(items))
    return gathered


def predict(logits: Sequence[Logits], settings: ModelSettings) -> list[Prediction]:
    """The article predictions the service would make of these logits."""
    return [
        pool_windows(
            one.level,
            one.direction,
            one.topics,
            topic_thresholds=settings.topic_thresholds,
            level_temperature=settings.level_temperature,
        )
        for one in logits
    ]


def measure(items: Sequence[Item], predictions: Sequence[Prediction], topics: int) -> dict[str, Any]:
    """All figures of a group of items, rounded to four places."""
    truth = [item.level for item in items]
    said = [prediction.level for prediction in predictions]
    precision, recall = metrics.violent_precision_recall(truth, said)
    micro, macro, _ = metrics.topic_f1(
        [set(item.topics) for item in items],
        [{topic for topic, _ in prediction.topics} for prediction in predictions],
        topics,
    )
    direction = metrics.share_equal(
        [item.direction for item in items], [prediction.direction for prediction in predictions]
    )
    return {
        "items": len(items),
        "level_qwk": round(metrics.quadratic_kappa(truth, said), 4),
        "level_exact": round(metrics.share_equal(truth, said), 4),
        "violent_precision": round(precision, 4),
        "violent_recall": round(recall, 4),
        "direction_accuracy": round(direction, 4),
        "topics_micro_f1": round(micro, 4),
        "topics_macro_f1": round(macro, 4),
    }


def confusion(items: Sequence[Item], predictions: Sequence[Prediction]) -> list[list[int]]:
    """[true level][said level] counts."""
    table = np.zeros((6, 6), dtype=int)
    for item, prediction in zip(items, predictions, strict=True):
        table[item.level, prediction.level] += 1
    counts: list[list[int]] = table.tolist()
    return counts


def tune(items: Sequence[Item], logits: Sequence[Logits], settings: ModelSettings) -> ModelSettings:
    """Temperature and topic thresholds that suit the development part best; nothing else may be passed in."""
    return settings.model_copy(
        update={
            "level_temperature": best_temperature([item.level for item in items], logits),
            "topic_thresholds": best_thresholds([set(item.topics) for item in items], logits),
        }
    )


def best_temperature(levels: Sequence[int], logits: Sequence[Logits]) -> float:
    """The temperature under which the true levels of one-window items are likeliest."""
    stacked = np.concatenate([one.level[:1] for one in logits])

    def surprise(temperature: float) -> float:
        shares = softmax((stacked / temperature).astype(np.float32))
        return float(-np.log(np.maximum(shares[np.arange(len(levels)), list(levels)], 1e-9)).mean())

    return min(TEMPERATURES, key=surprise)


def best_thresholds(truth: Sequence[set[int]], logits: Sequence[Logits]) -> tuple[float, ...]:
    """For each topic the threshold with the best F1; rare ones share the one that is best over all."""
    scores = np.stack([sigmoid(one.topics).max(axis=0) for one in logits])
    marks = np.zeros(scores.shape, dtype=bool)
    for row, topics in enumerate(truth):
        marks[row, list(topics)] = True
    shared = max(THRESHOLDS, key=lambda threshold: _f1(marks, scores >= threshold))
    return tuple(
        max(
            THRESHOLDS,
            key=lambda threshold: (_f1(marks[:, topic], scores[:, topic] >= threshold), -abs(threshold - shared)),
        )
        if marks[:, topic].sum() >= OWN_THRESHOLD_FROM
        else shared
        for topic in range(scores.shape[1])
    )


def _f1(truth: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> float:
    hits = int((truth & said).sum())
    return metrics.f1(hits, int(said.sum()) - hits, int(truth.sum()) - hits)


def _run(session: Any, window: Sequence[int]) -> list[Floats]:
    # One window at a time, as the service does: int8 scales are taken over a whole batch, neighbours included.
    ids = np.array([window], dtype=np.int64)
    outputs: list[Floats] = session.run(
        ["level", "direction", "topics"], {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    )
    return outputs
