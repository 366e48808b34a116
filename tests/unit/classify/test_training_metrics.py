"""Figures against values worked out by hand, and against plain loops over repeated items."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.training.metrics import (
    Answers,
    accuracy_of_the_confident,
    average_precision,
    calibration_error,
    calibration_floor,
    confusion,
    draws,
    measure,
    precision_recall_curve,
    precision_where,
    quadratic_kappa,
    with_intervals,
)

pytestmark = pytest.mark.unit

CALM = 2
Case = tuple[int, int, int, int, int, frozenset[int], frozenset[int]]
CASES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(0, 100),
        st.integers(0, 2),
        st.integers(0, 2),
        st.frozensets(st.integers(0, 2)),
        st.frozensets(st.integers(0, 2)),
    ),
    min_size=1,
    max_size=12,
)


def answers(cases: list[Case]) -> Answers:
    def column(place: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([case[place] for case in cases], dtype=np.int64)

    def marks(named: list[frozenset[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        return np.array([[topic in topics for topic in range(3)] for topics in named], dtype=np.bool_)

    return Answers(
        true_level=column(0),
        said_level=column(1),
        confidence=column(2) / 100,
        true_direction=column(3),
        said_direction=column(4),
        true_topics=marks([case[5] for case in cases]),
        said_topics=marks([case[6] for case in cases]),
        countries_both=np.array([len(case[5] & case[6]) for case in cases]),
        countries_true=np.array([len(case[5]) for case in cases]),
        countries_said=np.array([len(case[6]) for case in cases]),
    )


def once(cases: list[Case]) -> dict[str, float]:
    found = measure(answers(cases), np.ones((1, len(cases))), de_escalating=CALM)
    return {name: float(values[0]) for name, values in found.items()}


def kappa(truth: list[int], said: list[int]) -> float:
    table = confusion(np.array(truth), np.array(said), np.ones((1, len(truth))))
    return float(quadratic_kappa(table)[0])


def test_perfect_agreement_is_one_and_chance_is_zero() -> None:
    assert kappa([0, 1, 5], [0, 1, 5]) == 1.0
    # Every pair of answers once: exactly what chance would give.
    assert kappa([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0.0)
    assert kappa([0, 1], [1, 0]) == pytest.approx(-1.0)
    assert kappa([2, 2], [2, 2]) == 1.0


def test_kappa_matches_a_value_worked_out_by_hand() -> None:
    # Pairs (0,0) (1,1) (2,2) (2,1): observed disagreement 1. Expected counts are the products of the margins
    # (1,1,2) and (1,2,1) over 4; weighted by squared distance 0.5 + 1 + 0.25 + 0.25 + 2 + 1 = 5. 1 - 1/5.
    assert kappa([0, 1, 2, 2], [0, 1, 2, 1]) == pytest.approx(0.8)


def test_a_far_miss_costs_more_than_a_near_one() -> None:
    truth = [0, 1, 2, 3, 4, 5]
    assert kappa(truth, [1, 1, 2, 3, 4, 5]) > kappa(truth, [5, 1, 2, 3, 4, 5])


def test_figures_by_hand() -> None:
    nothing: frozenset[int] = frozenset()
    found = once(
        [
            (2, 3, 90, 0, 0, frozenset({0, 1}), frozenset({0})),
            (3, 3, 80, 2, 2, frozenset({0}), frozenset({0, 1})),
            (4, 2, 10, 2, 1, frozenset({1}), frozenset({1})),
            (5, 5, 70, 1, 2, nothing, nothing),
        ]
    )
    assert found["level_exact"] == 0.5
    assert found["violent_precision"] == pytest.approx(2 / 3)
    assert found["violent_recall"] == pytest.approx(2 / 3)
    assert found["direction_accuracy"] == 0.5
    # One calm item found, one missed, one wrongly called calm.
    assert found["deescalating_f1"] == pytest.approx(0.5)
    # Topic 0: two hits. Topic 1: one hit, one wrong, one missed. Topic 2: never, so it is not averaged.
    assert found["topics_micro_f1"] == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert found["topics_macro_f1"] == 0.75
    assert found["countries_precision"] == 0.75
    assert found["countries_recall"] == 0.75
    # 15 % of four items is 0.6: the least confident one, wrong, counts 0.4 of itself.
    assert found["level_exact_kept"] == pytest.approx(2 / 3.4)
    assert found["abstention_gain"] == pytest.approx(2 / 3.4 - 0.5)


def test_what_has_nothing_to_divide_by_is_not_a_number() -> None:
    nothing: frozenset[int] = frozenset()
    found = once([(0, 0, 50, 0, 0, nothing, nothing)])
    for name in ("violent_precision", "violent_recall", "deescalating_f1", "topics_macro_f1", "countries_recall"):
        assert np.isnan(found[name]), name


@given(CASES, st.data())
@settings(max_examples=25, deadline=None)
def test_a_weight_counts_an_item_so_often(cases: list[Case], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(cases), max_size=len(cases)).filter(any))
    repeated = [case for case, weight in zip(cases, weights, strict=True) for _ in range(weight)]
    weighted = measure(answers(cases), np.array([weights], dtype=float), de_escalating=CALM)
    for name, value in once(repeated).items():
        # Among equal confidences the first counts as surest, and repeating an item moves nothing past another.
        assert float(weighted[name][0]) == pytest.approx(value, nan_ok=True), name


@given(CASES)
@settings(max_examples=25, deadline=None)
def test_calibration_error_is_what_a_loop_finds(cases: list[Case]) -> None:
    total = 0.0
    for place in range(15):
        inside = [case for case in cases if min(int(case[2] / 100 * 15), 14) == place]
        total += abs(sum(case[2] / 100 - (case[0] == case[1]) for case in inside))
    assert once(cases)["level_ece"] == pytest.approx(total / len(cases))


def test_confidence_of_one_that_is_always_right_is_calibrated() -> None:
    right = np.array([1.0, 1.0])
    assert calibration_error(right, np.array([1.0, 1.0]), np.ones((1, 2)))[0] == 0.0
    assert calibration_floor(np.array([1.0, 1.0]), seed=0) == 0.0
    # Half sure of every one of few items: even a perfect model looks wrong by chance.
    assert calibration_floor(np.full(10, 0.5), seed=0) > 0.05


def test_those_that_stay_are_the_confident_ones() -> None:
    right, confidence = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.1, 0.9, 0.8, 0.2])
    assert accuracy_of_the_confident(right, confidence, np.ones((1, 4)), 0.5)[0] == 1.0
    assert accuracy_of_the_confident(right, confidence, np.ones((1, 4)), 1.0)[0] == 0.5


def test_the_items_of_a_story_are_drawn_together() -> None:
    stories = ["a", "b", "a", "c"]
    weights = np.concatenate(list(draws(stories, 250, seed=1)))
    assert weights.shape == (250, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_intervals_hold_the_value_and_shrink_with_more_items() -> None:
    cases: list[Case] = [
        (n % 6, n % 6 if n % 4 else (n + 1) % 6, 60, 0, 0, frozenset({0}), frozenset({0})) for n in range(40)
    ]

    def width(times: int) -> float:
        many = answers(cases * times)
        stories = [str(number) for number in range(len(many))]
        found = with_intervals(many, stories, de_escalating=CALM, resamples=200, seed=3)["level_exact"]
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
        return found.high - found.low

    assert width(10) < width(1)


def test_the_same_seed_gives_the_same_intervals() -> None:
    some = answers([(0, 0, 90, 0, 0, frozenset(), frozenset()), (3, 4, 40, 1, 1, frozenset(), frozenset())])

    def found(seed: int) -> object:
        return with_intervals(some, ["a", "b"], de_escalating=CALM, resamples=50, seed=seed)

    assert found(1) == found(1)


def test_precision_and_recall_along_the_scores() -> None:
    truth, scores = np.array([True, False, True, False]), np.array([0.9, 0.7, 0.7, 0.1])
    precision, recall = precision_recall_curve(truth, scores)
    # The two of score 0.7 come together.
    assert precision.tolist() == pytest.approx([1.0, 2 / 3, 0.5])
    assert recall.tolist() == [0.5, 1.0, 1.0]
    assert average_precision(truth, scores) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert np.isnan(average_precision(np.array([False]), np.array([0.5])))


def test_precision_falls_with_the_share_of_violent_items() -> None:
    # Nine in ten violent ones are found, one in ten of the others is called violent.
    counts = [[9, 0, 0, 1, 0, 0], [0] * 6, [0] * 6, [1, 0, 0, 4, 5, 0], [0] * 6, [0] * 6]
    assert precision_where(0.5, counts) == pytest.approx(0.9)
    assert precision_where(0.1, counts) == pytest.approx(0.5)
    assert precision_where(0.0, counts) == 0.0


@pytest.mark.parametrize("level", [0, 3])
def test_precision_needs_items_of_both_kinds(level: int) -> None:
    counts = [[0] * 6 for _ in range(6)]
    counts[level][level] = 5
    assert precision_where(0.5, counts) is None
