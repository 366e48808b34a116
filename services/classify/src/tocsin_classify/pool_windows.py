"""The logits of an article's windows become one prediction. Pure numpy, used by training and by the service."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import ModelSettings

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What the model says about one article. Topics are (place in the topic head, score), best first."""

    level: int
    probabilities: tuple[float, ...]
    confidence: float
    direction: int
    direction_confidence: float
    topics: tuple[tuple[int, float], ...]


def pool_article(level: Floats, direction: Floats, topics: Floats, model: ModelSettings) -> Prediction:
    """`pool_windows` as the model's settings say."""
    return pool_windows(
        level,
        direction,
        topics,
        topic_thresholds=model.topic_thresholds,
        level_temperature=model.level_temperature,
        level_bias=model.level_bias,
        always_a_topic=model.always_a_topic,
    )


def pool_windows(
    level: Floats,
    direction: Floats,
    topics: Floats,
    *,
    topic_thresholds: Sequence[float],
    level_temperature: float = 1.0,
    level_bias: Sequence[float] = (),
    always_a_topic: bool = True,
) -> Prediction:
    """Pools raw logits [W, 6], [W, 3], [W, T] of W windows in reading order.

    An article reports level k or more as surely as the window that is surest of it; its level is the median
    of the distribution that follows, after `tilt`. The direction is that of the window with the highest expected
    level, a topic's score the highest over the windows. Raises ValueError without windows.
    """
    if level.shape[0] == 0:
        raise ValueError("an article has at least one window")
    windows = softmax(level / level_temperature)
    probabilities = tilt(article_distribution(windows), level_bias)
    chosen = median_level(probabilities)
    strongest = int(np.argmax(windows @ np.arange(windows.shape[1])))
    directions = softmax(direction[strongest : strongest + 1])[0]
    said = int(np.argmax(directions))
    return Prediction(
        level=chosen,
        probabilities=tuple(float(share) for share in probabilities),
        confidence=float(probabilities[chosen]),
        direction=said,
        direction_confidence=float(directions[said]),
        topics=chosen_topics(sigmoid(topics).max(axis=0), topic_thresholds, always_one=always_a_topic),
    )


def article_distribution(windows: Floats) -> Floats:
    """[W, 6] level probabilities of windows to the article's [6]: P(>= k) is the highest of the windows'."""
    at_least = np.cumsum(windows[:, ::-1].astype(np.float64), axis=1)[:, ::-1].max(axis=0)
    at_least[0] = 1.0
    above = np.append(at_least[1:], 0.0)
    distribution = np.clip(at_least - above, 0.0, 1.0)
    pooled: Floats = (distribution / distribution.sum()).astype(np.float32)
    return pooled


def tilt(distribution: Floats, bias: Sequence[float]) -> Floats:
    """[6] shares times exp(bias), made to sum to one again; no bias leaves them as they are."""
    if not any(bias):
        return distribution
    tilted = distribution * np.exp(np.asarray(bias))
    shares: Floats = (tilted / tilted.sum()).astype(np.float32)
    return shares


def median_level(probabilities: Floats) -> int:
    """The smallest level k with P(level <= k) >= 0.5."""
    return int(np.argmax(np.cumsum(probabilities.astype(np.float64)) >= 0.5 - 1e-9))


def chosen_topics(
    scores: Floats, thresholds: Sequence[float], *, always_one: bool = True
) -> tuple[tuple[int, float], ...]:
    """Topics whose score reaches their threshold, best first; where none does the best one, if `always_one`."""
    order = sorted(range(len(scores)), key=lambda topic: (-float(scores[topic]), topic))
    kept = [topic for topic in order if scores[topic] >= thresholds[topic]] or order[: int(always_one)]
    return tuple((topic, float(scores[topic])) for topic in kept)


def softmax(logits: Floats) -> Floats:
    """Row-wise softmax of [N, K]."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: Floats) -> Floats:
    """Element-wise logistic function, without overflow."""
    half: Floats = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return half
