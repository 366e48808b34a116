"""Calibration on the pooled distribution, and the thresholds of abstention."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.pool_windows import median_level, pool_windows
from tocsin_classify.training.calibrate import (
    Calibration,
    Quality,
    abstention_threshold,
    bias_pays,
    choose,
    distributions,
    fit,
    gather,
    median_levels,
    news_threshold,
    surprise,
)

pytestmark = pytest.mark.unit

Floats = npt.NDArray[np.float32]
LOGITS = st.lists(st.lists(st.floats(-8, 8, width=32), min_size=6, max_size=6), min_size=1, max_size=4).map(
    lambda rows: np.array(rows, dtype=np.float32)
)


def drawn(temperature: float, bias: list[float], items: int) -> tuple[list[Floats], list[int]]:
    """Logits of single windows, and levels drawn from the distribution they have under a calibration."""
    chance = np.random.default_rng(5)
    logits = [chance.normal(0, 3, (1, 6)).astype(np.float32) for _ in range(items)]
    shares = distributions(gather(logits), Calibration(temperature, tuple(bias)))
    return logits, [int(chance.choice(6, p=row)) for row in shares]


@given(
    st.lists(LOGITS, min_size=1, max_size=4), st.floats(0.5, 3.0), st.lists(st.floats(-1, 1), min_size=6, max_size=6)
)
@settings(max_examples=25, deadline=None)
def test_articles_get_what_the_service_gives_them(
    articles: list[Floats], temperature: float, bias: list[float]
) -> None:
    found = distributions(gather(articles), Calibration(temperature, tuple(bias)))
    for row, level in zip(found, articles, strict=True):
        windows = len(level)
        said = pool_windows(
            level,
            np.zeros((windows, 3), dtype=np.float32),
            np.zeros((windows, 1), dtype=np.float32),
            topic_thresholds=[0.5],
            level_temperature=temperature,
            level_bias=bias,
        )
        np.testing.assert_allclose(row, said.probabilities, atol=1e-4)


def test_medians_of_rows_are_those_of_articles() -> None:
    rows = np.random.default_rng(1).dirichlet(np.ones(6), 50)
    assert median_levels(rows).tolist() == [median_level(row.astype(np.float32)) for row in rows]


def test_the_temperature_and_bias_that_made_the_levels_are_found() -> None:
    bias = [0.4, 0.2, 0.0, -0.2, -0.4, 0.0]
    logits, levels = drawn(1.6, bias, 3000)
    found = fit(gather(logits), np.array(levels), with_bias=True)
    assert found.temperature == pytest.approx(1.6, abs=0.15)
    np.testing.assert_allclose(found.bias, bias, atol=0.2)


def test_fitting_never_surprises_more_than_leaving_it() -> None:
    logits, levels = drawn(0.6, [0.0] * 6, 200)
    windows, truth = gather(logits), np.array(levels)
    before = surprise(distributions(windows, Calibration(1.0)), truth)
    plain = surprise(distributions(windows, fit(windows, truth, with_bias=False)), truth)
    tilted = surprise(distributions(windows, fit(windows, truth, with_bias=True)), truth)
    assert plain <= before + 1e-6
    assert tilted <= plain + 1e-3


def test_a_bias_is_taken_only_where_it_pays() -> None:
    stories = [f"s{number}" for number in range(600)]
    even, _ = choose(*drawn(1.5, [0.0] * 6, 600), stories)
    assert not any(even.bias)
    slanted, compared = choose(*drawn(1.5, [1.5, 0.0, 0.0, 0.0, 0.0, -1.5], 600), stories)
    assert slanted.bias[0] > 0.5 > -0.5 > slanted.bias[5]
    assert (
        compared["temperature and bias"]["surprise"]
        < compared["temperature"]["surprise"]
        < compared["none"]["surprise"]
    )


def test_a_bias_that_costs_exact_levels_does_not_pay() -> None:
    plain = Quality(surprise=0.56, level_ece=0.04, level_qwk=0.9, level_exact=0.79)
    assert bias_pays(plain, replace(plain, surprise=0.55))
    assert not bias_pays(plain, replace(plain, surprise=0.55, level_exact=0.789))
    assert not bias_pays(plain, replace(plain, surprise=0.5599, level_exact=0.8))


def test_levels_that_never_occur_are_no_reason_to_fail() -> None:
    logits = [np.array([[9.0, 0, 0, 0, 0, 0]], dtype=np.float32)] * 12
    found, _ = choose(logits, [0] * 12, [str(number) for number in range(12)])
    assert 0.2 <= found.temperature <= 5.0


def test_about_the_least_confident_15_percent_abstain() -> None:
    confidences = [number / 100 for number in range(100)]
    threshold = abstention_threshold(confidences)
    assert sum(confidence < threshold for confidence in confidences) == 15


def test_boilerplate_is_told_from_news_in_the_middle_of_the_gap() -> None:
    assert 0.3 < news_threshold([0.9] * 200 + [0.8], [0.1, 0.2]) < 0.7
    # One in 1,000 of the news may be lost for it, one in ten may not.
    assert news_threshold([0.9] * 999 + [0.05], [0.1, 0.2]) > 0.2
    assert news_threshold([0.9] * 9 + [0.05], [0.1]) < 0.06
    assert news_threshold([0.9], []) == 0.0
    assert news_threshold([], [0.1]) == 0.0
