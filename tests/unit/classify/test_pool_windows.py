"""How the logits of windows become one prediction."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.pool_windows import (
    Prediction,
    article_distribution,
    chosen_topics,
    median_level,
    pool_windows,
    sigmoid,
    softmax,
)

pytestmark = pytest.mark.unit

Floats = npt.NDArray[np.float32]
LOGIT = st.floats(-12, 12, width=32)


def rows(width: int, least: int = 1, most: int = 6) -> st.SearchStrategy[Floats]:
    return st.lists(st.lists(LOGIT, min_size=width, max_size=width), min_size=least, max_size=most).map(
        lambda lists: np.array(lists, dtype=np.float32)
    )


def sure_of(level: int) -> list[float]:
    return [9.0 if place == level else 0.0 for place in range(6)]


def pool(level: list[list[float]], direction: list[list[float]], topics: list[list[float]]) -> Prediction:
    return pool_windows(
        np.array(level, dtype=np.float32),
        np.array(direction, dtype=np.float32),
        np.array(topics, dtype=np.float32),
        topic_thresholds=[0.5] * len(topics[0]),
    )


def test_the_highest_window_decides_the_level_and_the_direction() -> None:
    said = pool(
        [sure_of(0), sure_of(4), sure_of(1)],
        [[5.0, 0.0, 0.0], [0.0, 0.0, 5.0], [0.0, 5.0, 0.0]],
        [[1.0, -1.0], [-1.0, -1.0], [-1.0, 2.0]],
    )
    assert said.level == 4
    assert said.confidence > 0.98
    assert said.direction == 2
    assert [topic for topic, _ in said.topics] == [1, 0]


def test_the_level_is_the_median_not_the_likeliest() -> None:
    # 40 % level 0, 30 % level 2, 30 % level 3: level 0 is likeliest, the middle is level 2.
    logits = np.log(np.array([[0.4, 1e-9, 0.3, 0.3, 1e-9, 1e-9]]))
    said = pool(logits.tolist(), [[0.0, 0.0, 0.0]], [[0.0]])
    assert said.level == 2
    assert said.confidence == pytest.approx(0.3, abs=1e-3)


def test_half_of_the_probability_at_a_level_suffices_for_the_median() -> None:
    assert median_level(np.array([0.5, 0.5, 0, 0, 0, 0], dtype=np.float32)) == 0


def test_an_article_gets_its_best_topic_when_none_reaches_its_threshold() -> None:
    ((topic, score),) = chosen_topics(np.array([0.1, 0.3, 0.2], dtype=np.float32), [0.5] * 3)
    assert topic == 1
    assert score == pytest.approx(0.3)


def test_each_topic_has_its_own_threshold() -> None:
    kept = chosen_topics(np.array([0.4, 0.6, 0.7], dtype=np.float32), [0.3, 0.65, 0.7])
    assert [topic for topic, _ in kept] == [2, 0]


def test_a_higher_temperature_makes_the_model_less_sure() -> None:
    level, other = np.array([sure_of(3)], dtype=np.float32), np.zeros((1, 3), dtype=np.float32)
    cold, hot = (
        pool_windows(level, other, other, topic_thresholds=[0.5] * 3, level_temperature=temperature)
        for temperature in (1.0, 4.0)
    )
    assert cold.level == hot.level == 3
    assert cold.confidence > hot.confidence


def test_an_article_without_windows_is_refused() -> None:
    nothing = np.zeros((0, 6), dtype=np.float32)
    with pytest.raises(ValueError, match="at least one window"):
        pool_windows(nothing, nothing, nothing, topic_thresholds=[])


@given(rows(6))
@settings(max_examples=80, deadline=None)
def test_the_pooled_distribution_is_one(logits: Floats) -> None:
    distribution = article_distribution(softmax(logits))
    assert (distribution >= 0).all()
    assert distribution.sum() == pytest.approx(1.0, abs=1e-5)


@given(rows(6), rows(6))
@settings(max_examples=80, deadline=None)
def test_reading_more_windows_never_lowers_the_level(read: Floats, more: Floats) -> None:
    before = article_distribution(softmax(read))
    after = article_distribution(softmax(np.concatenate([read, more])))
    assert (np.cumsum(after) <= np.cumsum(before) + 1e-5).all()
    assert median_level(after) >= median_level(before) or np.isclose(np.cumsum(before), 0.5, atol=1e-5).any()


@given(rows(6, least=2), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_order_of_windows_does_not_change_the_level(logits: Floats, chance: object) -> None:
    order = list(range(len(logits)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    np.testing.assert_allclose(
        article_distribution(softmax(logits)), article_distribution(softmax(logits[order])), atol=1e-6
    )


@given(rows(6, most=1))
@settings(max_examples=60, deadline=None)
def test_a_single_window_keeps_its_distribution(logits: Floats) -> None:
    shares = softmax(logits)
    np.testing.assert_allclose(article_distribution(shares), shares[0], atol=1e-5)


def test_extreme_logits_do_not_overflow() -> None:
    with np.errstate(over="raise"):
        assert sigmoid(np.array([-1e4, 0.0, 1e4], dtype=np.float32)).tolist() == [0.0, 0.5, 1.0]
        assert softmax(np.array([[-1e4, 1e4]], dtype=np.float32)).tolist() == [[0.0, 1.0]]
