"""The figures a model is judged by."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np

from tocsin_classify.model_directory import LEVELS

# From this level on a conflict is violent: the border alerts hang on.
VIOLENT = 3


def quadratic_kappa(truth: Sequence[int], said: Sequence[int], levels: int = LEVELS) -> float:
    """Cohen's kappa with weights growing with the square of the distance; 1 is agreement, 0 is chance."""
    observed = np.zeros((levels, levels))
    np.add.at(observed, (np.asarray(truth), np.asarray(said)), 1.0)
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0)) / observed.sum()
    distance = (np.arange(levels)[:, None] - np.arange(levels)[None, :]) ** 2
    chance = float((distance * expected).sum())
    return 1.0 if chance == 0.0 else 1.0 - float((distance * observed).sum()) / chance


def share_equal(truth: Sequence[int], said: Sequence[int]) -> float:
    """Share of pairs that are equal."""
    return sum(left == right for left, right in zip(truth, said, strict=True)) / max(len(truth), 1)


def precision_recall(truth: Sequence[bool], said: Sequence[bool]) -> tuple[float, float]:
    """(precision, recall); 0 where there is nothing to divide by."""
    hits = sum(left and right for left, right in zip(truth, said, strict=True))
    return hits / max(sum(said), 1), hits / max(sum(truth), 1)


def violent_precision_recall(truth: Sequence[int], said: Sequence[int]) -> tuple[float, float]:
    """Precision and recall of "level 3 or more"."""
    return precision_recall([level >= VIOLENT for level in truth], [level >= VIOLENT for level in said])


def topic_f1(
    truth: Sequence[AbstractSet[int]], said: Sequence[AbstractSet[int]], topics: int
) -> tuple[float, float, list[float | None]]:
    """(micro F1, macro F1, F1 of each topic); topics that nobody named or predicted are None and not averaged."""
    each: list[float | None] = []
    hits = wrong = missed = 0
    for topic in range(topics):
        both = sum(topic in left and topic in right for left, right in zip(truth, said, strict=True))
        only_said = sum(topic in right for right in said) - both
        only_true = sum(topic in left for left in truth) - both
        hits, wrong, missed = hits + both, wrong + only_said, missed + only_true
        each.append(f1(both, only_said, only_true) if both + only_said + only_true else None)
    known = [score for score in each if score is not None]
    return f1(hits, wrong, missed), sum(known) / max(len(known), 1), each


def f1(hits: int, wrong: int, missed: int) -> float:
    """F1 from counts."""
    return 2 * hits / max(2 * hits + wrong + missed, 1)
