"""The figures a model is judged by, with how sure they are: each is computed for many weightings of the items at once.

Weights of one give the figure itself; the counts of a bootstrap's draws give one figure a draw, hence the interval.
A figure that has nothing to divide by is NaN.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import LEVELS

# From this level on a conflict is violent: the border alerts hang on.
VIOLENT = 3
# Equal-width bins of the confidence, over which calibration is measured.
CALIBRATION_BINS = 15
# The share of items, the least confident ones, that abstains when the gain by abstaining is measured.
ABSTAINING = 0.15
INTERVAL = 0.95
# Draws computed at once: 100 draws of 10,000 items and 35 topics stay below 100 MB.
CHUNK = 100
# Draws from which the calibration error of a perfectly calibrated model is taken.
FLOOR_DRAWS = 200

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answers:
    """What is true of N items and what was said of them, T topics wide.

    `confidence` is that of the said level. `de_escalating` is the place of that direction. The three counts of
    countries, [N] each, are zero where the item's countries are not labelled.
    """

    true_level: Integers
    said_level: Integers
    confidence: Array
    true_direction: Integers
    said_direction: Integers
    true_topics: Booleans
    said_topics: Booleans
    countries_both: Integers
    countries_true: Integers
    countries_said: Integers

    def __len__(self) -> int:
        return len(self.true_level)

    def of(self, chosen: Booleans) -> "Answers":
        """Those of the chosen items."""
        return Answers(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Figure:
    """A value and its confidence interval; `None` where nothing could be measured."""

    value: float | None
    low: float | None
    high: float | None


def measure(answers: Answers, weights: Array, *, de_escalating: int) -> dict[str, Array]:
    """Every figure for each of B weightings [B, N] of the items, as [B]. `de_escalating` is its place."""
    right = (answers.true_level == answers.said_level).astype(float)
    violent, called = answers.true_level >= VIOLENT, answers.said_level >= VIOLENT
    calmed, said_calmed = answers.true_direction == de_escalating, answers.said_direction == de_escalating
    exact = _share(weights @ right, weights.sum(axis=1))
    kept = accuracy_of_the_confident(right, answers.confidence, weights, 1.0 - ABSTAINING)
    micro, macro = topic_f1(answers, weights)
    both = weights @ answers.countries_both
    return {
        "level_qwk": quadratic_kappa(confusion(answers.true_level, answers.said_level, weights)),
        "level_exact": exact,
        "violent_precision": _share(weights @ (violent & called), weights @ called),
        "violent_recall": _share(weights @ (violent & called), weights @ violent),
        "direction_accuracy": _share(weights @ (answers.true_direction == answers.said_direction), weights.sum(axis=1)),
        "deescalating_f1": f1(weights @ (calmed & said_calmed), weights @ calmed, weights @ said_calmed),
        "topics_micro_f1": micro,
        "topics_macro_f1": macro,
        "countries_precision": _share(both, weights @ answers.countries_said),
        "countries_recall": _share(both, weights @ answers.countries_true),
        "level_ece": calibration_error(right, answers.confidence, weights),
        "level_exact_kept": kept,
        "abstention_gain": kept - exact,
    }


def with_intervals(
    answers: Answers, stories: Sequence[str], *, de_escalating: int, resamples: int, seed: int
) -> dict[str, Figure]:
    """Every figure with its percentile interval over `resamples` draws of whole stories."""
    values = measure(answers, np.ones((1, len(answers))), de_escalating=de_escalating)
    drawn: dict[str, list[Array]] = {name: [] for name in values}
    for weights in draws(stories, resamples, seed):
        for name, found in measure(answers, weights, de_escalating=de_escalating).items():
            drawn[name].append(found)
    return {name: _figure(float(values[name][0]), drawn[name]) for name in values}


def draws(stories: Sequence[str], resamples: int, seed: int) -> Iterator[Array]:
    """How often each item is drawn, [up to CHUNK, N] at a time, when stories are drawn with replacement.

    The items of one story, such as a translation and its original, are drawn together.
    """
    _, place = np.unique(np.asarray(stories), return_inverse=True)
    count = int(place.max()) + 1
    chance = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        yield chance.multinomial(count, np.full(count, 1.0 / count), size=size)[:, place].astype(float)


def _figure(value: float, drawn: Sequence[Array]) -> Figure:
    if np.isnan(value):
        return Figure(None, None, None)
    found = np.concatenate(drawn) if drawn else np.empty(0)
    found = found[~np.isnan(found)]
    if not len(found):
        return Figure(round(value, 4), None, None)
    low, high = np.quantile(found, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Figure(round(value, 4), round(float(low), 4), round(float(high), 4))


def confusion(truth: Integers, said: Integers, weights: Array) -> Array:
    """[B, true level, said level] weights of the items."""
    cells = np.zeros((len(truth), LEVELS * LEVELS))
    cells[np.arange(len(truth)), truth * LEVELS + said] = 1.0
    table: Array = (weights @ cells).reshape(-1, LEVELS, LEVELS)
    return table


def precision_where(share: float, counts: Sequence[Sequence[int]]) -> float | None:
    """Precision of the violent levels where `share` of the items are violent, by Bayes from true level by said level.

    None where the counts hold no violent item, none that is not, or none called so.
    """
    table = np.array(counts)
    found, alarmed = (float(_share(rows[:, VIOLENT:].sum(), rows.sum())) for rows in (table[VIOLENT:], table[:VIOLENT]))
    called = share * found + (1.0 - share) * alarmed
    # NaN, of nothing to divide by, is not above zero either.
    return share * found / called if called > 0.0 else None


def quadratic_kappa(table: Array) -> Array:
    """Cohen's kappa of [B, K, K] tables with weights growing with the square of the distance.

    1 is agreement, 0 is chance; 1 too where both say one and the same throughout.
    """
    levels = np.arange(table.shape[1])
    distance = (levels[:, None] - levels[None, :]) ** 2
    total = np.maximum(table.sum(axis=(1, 2)), 1e-12)
    expected = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :] / total[:, None, None]
    chance = (distance * expected).sum(axis=(1, 2))
    seen = (distance * table).sum(axis=(1, 2))
    kappa: Array = np.where(chance > 0.0, 1.0 - seen / np.where(chance > 0.0, chance, 1.0), 1.0)
    return kappa


def topic_f1(answers: Answers, weights: Array) -> tuple[Array, Array]:
    """(micro F1, macro F1) as [B]; a topic that is neither true nor said of any item is not averaged."""
    both, true, said = (
        weights @ marks.astype(float)
        for marks in (answers.true_topics & answers.said_topics, answers.true_topics, answers.said_topics)
    )
    each = f1(both, true, said)
    known = ~np.isnan(each)
    macro = _share(np.where(known, each, 0.0).sum(axis=1), known.sum(axis=1))
    return f1(both.sum(axis=1), true.sum(axis=1), said.sum(axis=1)), macro


def calibration_error(right: Array, confidence: Array, weights: Array) -> Array:
    """Expected calibration error [B]: the mean distance of confidence and accuracy over CALIBRATION_BINS bins.

    A bin counts by its items. Finite samples never show zero: see `calibration_floor`.
    """
    bins = np.zeros((len(right), CALIBRATION_BINS))
    bins[np.arange(len(right)), bins_of(confidence)] = 1.0
    gaps = weights @ (bins * (confidence - right)[:, None])
    return _share(np.abs(gaps).sum(axis=1), weights.sum(axis=1))


def bins_of(confidence: Array) -> Integers:
    """The bin of each confidence; 1 falls into the last."""
    return np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)


def calibration_floor(confidence: Array, seed: int) -> float:
    """The calibration error that a perfectly calibrated model with these confidences shows on average."""
    right = np.random.default_rng(seed).random((FLOOR_DRAWS, len(confidence))) < confidence
    bins = np.zeros((len(confidence), CALIBRATION_BINS))
    bins[np.arange(len(confidence)), bins_of(confidence)] = 1.0
    return float(np.abs((confidence - right) @ bins).sum(axis=1).mean() / max(len(confidence), 1))


def accuracy_of_the_confident(right: Array, confidence: Array, weights: Array, share: float) -> Array:
    """Accuracy [B] of the most confident `share` of the items; the item at the border counts in part."""
    order = np.argsort(-confidence, kind="stable")
    ordered = weights[:, order]
    before = np.cumsum(ordered, axis=1) - ordered
    room = share * ordered.sum(axis=1, keepdims=True) - before
    kept = np.clip(room, 0.0, ordered)
    return _share(kept @ right[order], kept.sum(axis=1))


def average_precision(truth: Booleans, scores: Array) -> float:
    """Mean precision over the ranks at which the true ones stand; NaN without any."""
    precision, recall = precision_recall_curve(truth, scores)
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * precision)) if truth.any() else float("nan")


def precision_recall_curve(truth: Booleans, scores: Array) -> tuple[Array, Array]:
    """(precision, recall) at each distinct score, from the highest on."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1) if len(scores) else np.empty(0, int)
    return hits[ends] / (ends + 1.0), hits[ends] / max(int(truth.sum()), 1)


def f1(both: Array, true: Array, said: Array) -> Array:
    """F1 from weights of hits, of all true and of all said ones; NaN where there is neither."""
    return _share(2.0 * both, true + said)


def _share(part: Array, whole: Array) -> Array:
    shares: Array = np.where(whole > 0.0, part / np.where(whole > 0.0, whole, 1.0), np.nan)
    return shares
