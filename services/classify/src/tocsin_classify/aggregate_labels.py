"""The logits of a foreign model's labels become those of levels, directions and topics. Pure numpy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tocsin_classify.backend import WindowLogits
from tocsin_classify.model_directory import LEVELS
from tocsin_classify.pool_windows import sigmoid, softmax
from tocsin_contracts.scale import Direction

Floats = npt.NDArray[np.float32]

DIRECTIONS: Final = (Direction.UNCHANGED, Direction.ESCALATING, Direction.DE_ESCALATING)
"""The order of the direction's logits. Of even ones the first is taken: a model that knows no directions says
"unchanged" with a confidence of one third."""

FLOOR: Final = 1e-9
"""The probability of what a model has no label for; its logarithm must be finite."""


@dataclass(frozen=True)
class Meaning:
    """What one label, or one hypothesis, says: a level, a direction, the place of a topic, or nothing."""

    level: int | None = None
    direction: Direction | None = None
    topic: int | None = None


def aggregate_exclusive(logits: Floats, meanings: Sequence[Meaning], topics: int) -> WindowLogits:
    """Labels [W, K] of which exactly one holds: what means the same adds up.

    Labels without a level leave the level's distribution alone; those without a direction say "unchanged", where
    others have one.
    """
    shares = softmax(logits.astype(np.float32))
    direction = _sums(shares, [_direction_of(meaning) for meaning in meanings], len(DIRECTIONS))
    direction[:, 0] = 1.0 - direction[:, 1:].sum(axis=1)
    return WindowLogits(
        level=_log_shares(_sums(shares, [meaning.level for meaning in meanings], LEVELS)),
        direction=_log_shares(direction) if _know_directions(meanings) else _even(len(logits)),
        topics=_log_odds(_sums(shares, [meaning.topic for meaning in meanings], topics)),
    )


def aggregate_independent(logits: Floats, meanings: Sequence[Meaning], topics: int) -> WindowLogits:
    """Labels [W, K] that hold each by itself: of what means the same the surest counts.

    A text reports level k or more as surely as the surest label of such a level; the rest is level 0.
    """
    scores = sigmoid(logits.astype(np.float32))
    best = _highest(scores, [meaning.level for meaning in meanings], LEVELS)
    at_least = np.maximum.accumulate(best[:, ::-1], axis=1)[:, ::-1]
    at_least[:, 0] = 1.0
    above = np.concatenate([at_least[:, 1:], np.zeros_like(at_least[:, :1])], axis=1)
    direction = _highest(scores, [_direction_of(meaning) for meaning in meanings], len(DIRECTIONS))
    direction[:, 0] = np.maximum(direction[:, 0], 1.0 - direction[:, 1:].max(axis=1))
    return WindowLogits(
        level=_log_shares(at_least - above),
        direction=_log_shares(direction) if _know_directions(meanings) else _even(len(logits)),
        topics=_log_odds(_highest(scores, [meaning.topic for meaning in meanings], topics)),
    )


def aggregate_hypotheses(logits: Floats, meanings: Sequence[Meaning], entailment: int, topics: int) -> WindowLogits:
    """Answers [W, H, K] to H hypotheses, K labels each, of which `entailment` means yes.

    Levels compete by their entailment logits, and directions among themselves, as in transformers' zero-shot
    pipeline. A topic is as sure as its entailment against all other labels: "neutral" is no yes. Of several
    hypotheses for the same the surest counts.
    """
    windows, hypotheses, labels = logits.shape
    flat = logits.astype(np.float32).reshape(windows * hypotheses, labels)
    yes = softmax(flat)[:, entailment].reshape(windows, hypotheses)
    raw = flat[:, entailment].reshape(windows, hypotheses)
    lowest = raw.min(axis=1, keepdims=True) + np.float32(np.log(FLOOR))
    directions = [_direction_of(meaning) for meaning in meanings]
    return WindowLogits(
        level=_compete(raw, [meaning.level for meaning in meanings], LEVELS, lowest),
        direction=_compete(raw, directions, len(DIRECTIONS), lowest) if _know_directions(meanings) else _even(windows),
        topics=_log_odds(_highest(yes, [meaning.topic for meaning in meanings], topics)),
    )


Aggregate = Callable[[Floats], WindowLogits]


def _compete(raw: Floats, groups: Sequence[int | None], count: int, lowest: Floats) -> Floats:
    surest = np.repeat(lowest, count, axis=1)
    for place, group in enumerate(groups):
        if group is not None:
            surest[:, group] = np.maximum(surest[:, group], raw[:, place])
    return _log_shares(softmax(surest))


def _sums(shares: Floats, groups: Sequence[int | None], count: int) -> Floats:
    found = np.zeros((len(shares), count), dtype=np.float32)
    for place, group in enumerate(groups):
        if group is not None:
            found[:, group] += shares[:, place]
    return found


def _highest(scores: Floats, groups: Sequence[int | None], count: int) -> Floats:
    found = np.zeros((len(scores), count), dtype=np.float32)
    for place, group in enumerate(groups):
        if group is not None:
            found[:, group] = np.maximum(found[:, group], scores[:, place])
    return found


def _direction_of(meaning: Meaning) -> int | None:
    return None if meaning.direction is None else DIRECTIONS.index(meaning.direction)


def _know_directions(meanings: Sequence[Meaning]) -> bool:
    return any(meaning.direction is not None for meaning in meanings)


def _even(windows: int) -> Floats:
    return np.zeros((windows, len(DIRECTIONS)), dtype=np.float32)


def _log_shares(weights: Floats) -> Floats:
    """Log-probabilities in proportion to [W, K] weights."""
    floored = np.maximum(weights, FLOOR)
    logs: Floats = np.log(floored / floored.sum(axis=1, keepdims=True)).astype(np.float32)
    return logs


def _log_odds(scores: Floats) -> Floats:
    # float32 knows no number between 1 - 6e-8 and 1.
    bounded = np.clip(scores.astype(np.float64), FLOOR, 1.0 - 1e-7)
    odds: Floats = np.log(bounded / (1.0 - bounded)).astype(np.float32)
    return odds
