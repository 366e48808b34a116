"""Tuning on the development part: calibration, thresholds of topics, of abstention, of news."""

import numpy as np
import pytest

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.training.dataset import Item
from tocsin_classify.training.evaluate import OWN_THRESHOLD_FROM, Logits, best_thresholds, predict, tune

pytestmark = pytest.mark.unit

SETTINGS = ModelSettings(
    model_name="tiny",
    model_version="1",
    scale_version="hiik-reported-1",
    directions=("escalating", "unchanged", "de-escalating"),
    topics=("local:a",),
    topic_thresholds=(0.5,),
    window_tokens=16,
    window_stride=14,
    level_temperature=1.0,
)


def logits(level: list[float], topics: list[float], news: float | None = None) -> Logits:
    return Logits(
        np.array([level], dtype=np.float32),
        np.zeros((1, 3), dtype=np.float32),
        np.array([topics], dtype=np.float32),
        None if news is None else np.array([[news]], dtype=np.float32),
    )


def item(number: int, level: int, *, news: bool = True) -> Item:
    return Item(f"item-{number}", "en", "", "Words.", level, 1, (0,), news=news)


def test_a_model_that_is_too_sure_is_cooled_and_its_confidence_comes_true() -> None:
    # It says 98 % for level 0, and is right half of the time.
    one = logits([4.0, 0.0, -20.0, -20.0, -20.0, -20.0], [0.0])
    tuned = tune([item(number, number % 2) for number in range(60)], [one] * 60, SETTINGS)
    assert tuned.settings.level_temperature > 2.0
    assert predict([one], tuned.settings)[0].confidence < 0.7
    assert tuned.calibrations["temperature"]["surprise"] < tuned.calibrations["none"]["surprise"]


def test_what_is_no_news_sets_its_threshold_and_nothing_else() -> None:
    sure, unsure = [6.0, 0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    news = [item(number, 0) for number in range(20)]
    said = [logits(sure if number else unsure, [1.0], news=3.0) for number in range(20)]
    alone = tune(news, said, SETTINGS).settings
    nothing = [item(100 + number, 0, news=False) for number in range(10)]
    tuned = tune([*news, *nothing], [*said, *[logits([0.0] * 5 + [9.0], [9.0], news=-3.0)] * 10], SETTINGS).settings
    assert 0.1 < tuned.news_below < 0.9
    assert alone.news_below == 0.0
    assert tuned.model_copy(update={"news_below": 0.0}) == alone
    # Three of twenty are 15 %: the one that is unsure lies below the threshold.
    confidences = [prediction.confidence for prediction in predict(said, tuned)]
    assert confidences[0] < tuned.abstain_below <= confidences[1]


def test_without_a_development_part_the_settings_stay() -> None:
    assert tune([], [], SETTINGS).settings == SETTINGS


def test_a_frequent_topic_gets_the_threshold_that_separates_it() -> None:
    count = OWN_THRESHOLD_FROM
    # Topic 0 scores 0.30 where it is true, 0.18 where not; topic 1 is rare and shares the common threshold.
    high, low = float(np.log(0.3 / 0.7)), float(np.log(0.18 / 0.82))
    run = [logits([0.0] * 6, [high, -9.0])] * count + [logits([0.0] * 6, [low, -9.0])] * count
    thresholds = best_thresholds([{0}] * count + [set()] * count, run)
    assert 0.18 < thresholds[0] <= 0.3
    assert thresholds[1] == thresholds[0]
