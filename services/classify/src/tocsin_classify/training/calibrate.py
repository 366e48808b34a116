"""Makes the reported confidence true: fitted on the development part, on the distribution an article gets in the end.

A window's logits are divided by a temperature; the pooled distribution of the article may then be tilted by a bias per
level, q(k) ~ p(k) exp(bias k), which mends what pooling and the mix of the training items did to the levels' shares.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import LEVELS
from tocsin_classify.pool_windows import Floats
from tocsin_classify.training import metrics

Array = npt.NDArray[np.float64]

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.2, 5.0
# Pulls the bias towards zero: one item in a thousand says as much against it.
RIDGE = 1e-3
FOLDS = 5
# A bias must pay for itself: less gain in surprise than this, in nats an item, is chance.
LEAST_GAIN = 5e-4
# Of the news in the development part so much may be taken for no news.
NEWS_LOST = 0.005
NEWS_GRID = tuple(round(0.01 * step, 2) for step in range(1, 100))
# Keeps a level that pooling has left nothing from being an infinite surprise.
FLOOR = 1e-6


@dataclass(frozen=True)
class Calibration:
    """What the service does to the level logits of a model."""

    temperature: float
    bias: tuple[float, ...] = (0.0,) * LEVELS


@dataclass(frozen=True)
class Quality:
    """How a way of calibrating does on items it was not fitted on."""

    surprise: float
    level_ece: float
    level_qwk: float
    level_exact: float


@dataclass(frozen=True)
class Windows:
    """Level logits of N articles, padded to the most windows: [N, W, 6], and which are there, [N, W]."""

    logits: Array
    there: npt.NDArray[np.bool_]

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Windows":
        """Those of the chosen articles."""
        return Windows(self.logits[chosen], self.there[chosen])


def gather(levels: Sequence[Floats]) -> Windows:
    """The level logits [W, 6] of each article, side by side."""
    most = max(len(windows) for windows in levels)
    logits = np.zeros((len(levels), most, LEVELS))
    there = np.zeros((len(levels), most), dtype=bool)
    for row, windows in enumerate(levels):
        logits[row, : len(windows)] = windows
        there[row, : len(windows)] = True
    return Windows(logits, there)


def distributions(windows: Windows, calibration: Calibration) -> Array:
    """[N, 6]: what `pool_windows` gives for each article."""
    scaled = windows.logits / calibration.temperature
    shares = np.exp(scaled - scaled.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    at_least = np.where(windows.there[:, :, None], np.cumsum(shares[:, :, ::-1], axis=2)[:, :, ::-1], 0.0).max(axis=1)
    at_least[:, 0] = 1.0
    pooled = np.clip(at_least - np.pad(at_least[:, 1:], ((0, 0), (0, 1))), 0.0, 1.0)
    tilted = np.maximum(pooled, FLOOR) * np.exp(np.asarray(calibration.bias))
    result: Array = tilted / tilted.sum(axis=1, keepdims=True)
    return result


def surprise(distribution: Array, levels: npt.NDArray[np.int64]) -> float:
    """Mean negative log-likelihood, in nats an item."""
    return float(-np.log(np.maximum(distribution[np.arange(len(levels)), levels], FLOOR)).mean())


def fit(windows: Windows, levels: npt.NDArray[np.int64], *, with_bias: bool) -> Calibration:
    """The calibration under which the levels surprise least; the bias is held near zero."""
    found = Calibration(fit_temperature(windows, levels, Calibration(1.0)))
    for _ in range(3 if with_bias else 0):
        plain = distributions(windows, Calibration(found.temperature))
        found = Calibration(found.temperature, fit_bias(plain, levels))
        found = Calibration(fit_temperature(windows, levels, found), found.bias)
    return found


def fit_temperature(windows: Windows, levels: npt.NDArray[np.int64], given: Calibration) -> float:
    """The best temperature, rounded to three places, under a given bias: golden section on its logarithm."""

    def cost(logarithm: float) -> float:
        return surprise(distributions(windows, Calibration(math.exp(logarithm), given.bias)), levels)

    return round(math.exp(_lowest(cost, math.log(LEAST_TEMPERATURE), math.log(MOST_TEMPERATURE))), 3)


def _lowest(cost: Callable[[float], float], low: float, high: float) -> float:
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if cost(left) <= cost(right):
            high = right
        else:
            low = left
    return (low + high) / 2.0


def fit_bias(distribution: Array, levels: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """The bias per level, with mean zero, that makes the levels surprise least: Newton on a convex cost."""
    logarithms = np.log(np.maximum(distribution, FLOOR))
    share = np.eye(LEVELS)[levels].mean(axis=0)
    bias = np.zeros(LEVELS)
    for _ in range(25):
        tilted = np.exp(logarithms + bias)
        tilted /= tilted.sum(axis=1, keepdims=True)
        mean = tilted.mean(axis=0)
        gradient = mean - share + RIDGE * bias
        curvature = np.diag(mean + RIDGE) - tilted.T @ tilted / len(tilted)
        step = np.linalg.solve(curvature, gradient)
        bias -= step
        if float(np.abs(step).max()) < 1e-6:
            break
    return tuple(round(float(value), 3) for value in bias - bias.mean())


def choose(
    levels_logits: Sequence[Floats], levels: Sequence[int], stories: Sequence[str]
) -> tuple[Calibration, dict[str, dict[str, float]]]:
    """The calibration, and how each way did in cross-validation over folds of whole stories.

    A bias is taken only where it pays on unseen items.
    """
    windows, truth = gather(levels_logits), np.asarray(levels, dtype=np.int64)
    compared = {
        "none": cross_validate(windows, truth, stories, lambda _windows, _truth: Calibration(1.0)),
        "temperature": cross_validate(windows, truth, stories, lambda w, t: fit(w, t, with_bias=False)),
        "temperature and bias": cross_validate(windows, truth, stories, lambda w, t: fit(w, t, with_bias=True)),
    }
    with_bias = bias_pays(compared["temperature"], compared["temperature and bias"])
    chosen = fit(windows, truth, with_bias=with_bias)
    return chosen, {name: asdict(quality) for name, quality in compared.items()}


def bias_pays(plain: Quality, tilted: Quality) -> bool:
    """Whether a bias makes unseen items less surprising, and gives no fewer of them their exact level.

    It learns the shares of the levels in the development part, which are not those of the news.
    """
    return plain.surprise - tilted.surprise > LEAST_GAIN and tilted.level_exact >= plain.level_exact


def cross_validate(
    windows: Windows,
    truth: npt.NDArray[np.int64],
    stories: Sequence[str],
    fitted: Callable[[Windows, npt.NDArray[np.int64]], Calibration],
) -> Quality:
    """The quality of distributions each made by a calibration fitted on the other folds."""
    folds = np.array([zlib.crc32(story.encode()) % FOLDS for story in stories])
    found = np.zeros((len(truth), LEVELS))
    for fold in range(FOLDS):
        inside = folds == fold
        if inside.any() and not inside.all():
            found[inside] = distributions(windows.of(inside), fitted(windows.of(~inside), truth[~inside]))
        elif inside.any():
            found[inside] = distributions(windows.of(inside), Calibration(1.0))
    said = median_levels(found)
    right = (said == truth).astype(float)
    confidence = found[np.arange(len(said)), said]
    every = np.ones((1, len(truth)))
    return Quality(
        surprise=round(surprise(found, truth), 4),
        level_ece=round(float(metrics.calibration_error(right, confidence, every)[0]), 4),
        level_qwk=round(float(metrics.quadratic_kappa(metrics.confusion(truth, said, every))[0]), 4),
        level_exact=round(float(right.mean()), 4),
    )


def median_levels(distribution: Array) -> npt.NDArray[np.int64]:
    """[N]: what `median_level` says of each row."""
    levels: npt.NDArray[np.int64] = np.argmax(np.cumsum(distribution, axis=1) >= 0.5 - 1e-9, axis=1)
    return levels


def abstention_threshold(confidences: Sequence[float], share: float = metrics.ABSTAINING) -> float:
    """The confidence below which about `share` of the items lie."""
    return round(float(np.quantile(np.asarray(confidences), share)), 3)


def news_threshold(news: Sequence[float], no_news: Sequence[float]) -> float:
    """The score below which a text is taken for no news; 0, which is never, without examples of it.

    Of the thresholds that lose at most NEWS_LOST of the news, the one that finds most of what is none; of equal
    ones the one in the middle.
    """
    if not news or not no_news:
        return 0.0
    kept, refused = np.asarray(news), np.asarray(no_news)
    usable = [at for at in NEWS_GRID if (kept < at).mean() <= NEWS_LOST]
    if not usable:
        return 0.0
    most = max((refused < at).mean() for at in usable)
    equal = [at for at in usable if (refused < at).mean() == most]
    return equal[len(equal) // 2] if most > 0 else 0.0
