"""Tuning on the development part, and the figures of a group of items."""

import numpy as np
import pytest

from tocsin_classify.pool_windows import Prediction
from tocsin_classify.training.dataset import Item
from tocsin_classify.training.evaluate import (
    OWN_THRESHOLD_FROM,
    Logits,
    best_temperature,
    best_thresholds,
    confusion,
    measure,
)

pytestmark = pytest.mark.unit


def logits(level: list[float], topics: list[float]) -> Logits:
    return Logits(
        np.array([level], dtype=np.float32),
        np.zeros((1, 3), dtype=np.float32),
        np.array([topics], dtype=np.float32),
    )


def item(level: int, direction: int = 1, topics: tuple[int, ...] = (0,)) -> Item:
    return Item("a", "en", "", "Words.", level, direction, topics)


def said(level: int, direction: int = 1, topics: tuple[int, ...] = (0,)) -> Prediction:
    return Prediction(level, (0.0,) * 6, 0.9, direction, 0.9, tuple((topic, 0.9) for topic in topics))


def test_a_model_that_is_too_sure_is_cooled() -> None:
    # It says 98 % for level 0, and is right half of the time.
    one = [4.0, 0.0, -20.0, -20.0, -20.0, -20.0]
    assert best_temperature([0, 1] * 20, [logits(one, [0.0])] * 40) == 2.0
    assert best_temperature([0] * 40, [logits(one, [0.0])] * 40) == 0.5


def test_a_frequent_topic_gets_the_threshold_that_separates_it() -> None:
    count = OWN_THRESHOLD_FROM
    # Topic 0 scores 0.30 where it is true, 0.18 where not; topic 1 is rare and shares the common threshold.
    high, low = float(np.log(0.3 / 0.7)), float(np.log(0.18 / 0.82))
    run = [logits([0.0] * 6, [high, -9.0])] * count + [logits([0.0] * 6, [low, -9.0])] * count
    thresholds = best_thresholds([{0}] * count + [set()] * count, run)
    assert 0.18 < thresholds[0] <= 0.3
    assert thresholds[1] == thresholds[0]


def test_figures_of_a_group_by_hand() -> None:
    items = [item(0), item(3, 0), item(4, 2, (0, 1)), item(5, 0, (1,))]
    predictions = [said(0), said(2, 0), said(4, 0, (0,)), said(5, 0, (1,))]
    figures = measure(items, predictions, topics=3)
    assert figures["items"] == 4
    assert figures["level_exact"] == 0.75
    assert figures["violent_precision"] == 1.0
    assert figures["violent_recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["direction_accuracy"] == 0.75
    assert figures["topics_micro_f1"] == pytest.approx(8 / 9, abs=1e-4)


def test_confusion_counts_true_levels_by_row() -> None:
    table = confusion([item(2), item(2), item(5)], [said(3), said(2), said(5)])
    assert table[2] == [0, 0, 1, 1, 0, 0]
    assert table[5][5] == 1
    assert sum(map(sum, table)) == 3
