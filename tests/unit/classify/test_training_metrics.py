"""Figures against values worked out by hand."""

import pytest

from tocsin_classify.training.metrics import (
    precision_recall,
    quadratic_kappa,
    share_equal,
    topic_f1,
    violent_precision_recall,
)

pytestmark = pytest.mark.unit


def test_perfect_agreement_is_one_and_chance_is_zero() -> None:
    assert quadratic_kappa([0, 1, 5], [0, 1, 5]) == 1.0
    # Every pair of answers once: exactly what chance would give.
    assert quadratic_kappa([0, 0, 1, 1], [0, 1, 0, 1]) == pytest.approx(0.0)


def test_complete_disagreement_is_negative() -> None:
    assert quadratic_kappa([0, 1], [1, 0], levels=2) == pytest.approx(-1.0)


def test_kappa_matches_a_value_worked_out_by_hand() -> None:
    # Pairs (0,0) (1,1) (2,2) (2,1): observed disagreement 1. Expected counts are the products of the margins
    # (1,1,2) and (1,2,1) over 4; weighted by squared distance 0.5 + 1 + 0.25 + 0.25 + 2 + 1 = 5. 1 - 1/5.
    assert quadratic_kappa([0, 1, 2, 2], [0, 1, 2, 1], levels=3) == pytest.approx(0.8)


def test_a_far_miss_costs_more_than_a_near_one() -> None:
    truth = [0, 1, 2, 3, 4, 5]
    assert quadratic_kappa(truth, [1, 1, 2, 3, 4, 5]) > quadratic_kappa(truth, [5, 1, 2, 3, 4, 5])


def test_one_level_throughout_is_agreement() -> None:
    assert quadratic_kappa([2, 2], [2, 2]) == 1.0


def test_shares_and_precision() -> None:
    assert share_equal([1, 2, 3, 4], [1, 2, 3, 5]) == 0.75
    assert precision_recall([True, True, False, False], [True, False, True, False]) == (0.5, 0.5)
    assert precision_recall([False], [False]) == (0.0, 0.0)


def test_level_three_is_violent_and_two_is_not() -> None:
    precision, recall = violent_precision_recall([2, 3, 4, 5], [3, 3, 2, 5])
    assert precision == pytest.approx(2 / 3)
    assert recall == pytest.approx(2 / 3)


def test_topic_f1_by_hand() -> None:
    micro, macro, each = topic_f1([{0, 1}, {0}, {1}], [{0}, {0, 1}, {1}], topics=3)
    # Topic 0: two hits. Topic 1: one hit, one wrong, one missed. Topic 2: never.
    assert each == [1.0, 0.5, None]
    assert micro == pytest.approx(2 * 3 / (2 * 3 + 1 + 1))
    assert macro == 0.75
