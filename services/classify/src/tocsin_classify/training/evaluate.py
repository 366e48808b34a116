"""Runs a model directory over the development part, as the service reads articles, and tunes its settings on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.pool_windows import Prediction, pool_article, sigmoid
from tocsin_classify.read_windows import read_windows
from tocsin_classify.training import calibrate
from tocsin_classify.training.dataset import Item, long_text

Floats = npt.NDArray[np.float32]
# Thresholds a topic may get. Beyond these the development part is too small to say anything.
THRESHOLDS = tuple(round(0.15 + 0.05 * step, 2) for step in range(13))
# A topic gets a threshold of its own when the development part holds it at least this often.
OWN_THRESHOLD_FROM = 30


@dataclass(frozen=True)
class Logits:
    """Raw outputs for the windows of one article: [W, 6], [W, 3], [W, T], and [W, 1] where the model has it."""

    level: Floats
    direction: Floats
    topics: Floats
    news: Floats | None = None

    @property
    def news_score(self) -> float:
        """How surely one of the windows is news; a model that cannot tell takes everything for it."""
        return 1.0 if self.news is None else float(sigmoid(self.news).max())


def run_items(
    directory: Path,
    items: Sequence[Item],
    *,
    threads: int,
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> list[Logits]:
    """The windows' logits of each item, from the model in `directory` as the service computes them."""
    backend = load_onnx_backend(directory, threads)
    gathered = []
    try:
        for number, item in enumerate(items, start=1):
            windows = read_windows(
                item.title,
                long_text(item),
                backend.tokenizer,
                window_tokens=backend.settings.window_tokens,
                window_stride=backend.settings.window_stride,
            )
            said = backend.infer(windows)
            gathered.append(Logits(said.level, said.direction, said.topics, said.news))
            listen(number, len(items))
    finally:
        backend.close()
    return gathered


def predict(logits: Sequence[Logits], settings: ModelSettings) -> list[Prediction]:
    """The article predictions the service would make of these logits."""
    return [pool_article(one.level, one.direction, one.topics, settings) for one in logits]


@dataclass(frozen=True)
class Tuned:
    """Settings that suit the development part, and what they were chosen from.

    `calibrations` says how each way of calibrating did in cross-validation.
    """

    settings: ModelSettings
    calibrations: dict[str, dict[str, float]]


def tune(items: Sequence[Item], logits: Sequence[Logits], settings: ModelSettings) -> Tuned:
    """Calibration and thresholds from the development part, texts that are no news among it; pass in nothing else.

    The level is left to be the median of its distribution: cut points of their own for each level, fitted on one
    part, did no better on others than the halves.
    """
    news = [one for item, one in zip(items, logits, strict=True) if item.news]
    told = [item for item in items if item.news]
    if not told:
        return Tuned(settings, {})
    calibration, compared = calibrate.choose(
        [one.level for one in news], [item.level for item in told], [item.id for item in told]
    )
    settings = settings.model_copy(
        update={
            "level_temperature": calibration.temperature,
            "level_bias": calibration.bias,
            "topic_thresholds": best_thresholds([set(item.topics) for item in told], news),
            "news_below": calibrate.news_threshold(
                [one.news_score for one in news],
                [one.news_score for item, one in zip(items, logits, strict=True) if not item.news],
            ),
        }
    )
    confidences = [prediction.confidence for prediction in predict(news, settings)]
    return Tuned(settings.model_copy(update={"abstain_below": calibrate.abstention_threshold(confidences)}), compared)


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
    return 2 * int((truth & said).sum()) / max(int(truth.sum()) + int(said.sum()), 1)
