"""What a model's labels come to mean, and which models do not fit a mapping."""

import numpy as np
import pytest

from tocsin_classify.aggregate_labels import DIRECTIONS
from tocsin_classify.backend import WindowLogits
from tocsin_classify.fit_labels import choose_mapping, fit_labels
from tocsin_classify.label_mapping import ZeroShotMapping, parse_label_mapping
from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_classify.pool_windows import pool_windows, sigmoid
from tocsin_contracts.scale import LEVEL_NAMES, Direction

pytestmark = pytest.mark.unit


def aggregated(
    mapping: str, labels: list[str], logits: list[list[float]], *, independent: bool = False
) -> WindowLogits:
    fitted = fit_labels(parse_label_mapping(mapping, "m"), labels, independent=independent)
    return fitted.aggregate(np.array(logits, dtype=np.float32))


def shares(logits: "np.typing.NDArray[np.float32]") -> list[float]:
    return [round(float(share), 3) for share in np.exp(logits)]


def logs(*probabilities: float) -> list[float]:
    return [float(np.log(probability)) for probability in probabilities]


def test_exclusive_labels_of_one_level_add_up_and_ignored_ones_do_not_count() -> None:
    mapping = "{kind: sequence-classification, labels: {peace: 0, clash: 3, attack: 3, spam: ignore}}"
    said = aggregated(mapping, ["attack", "peace", "spam", "clash"], [logs(0.3, 0.2, 0.2, 0.3)])
    assert shares(said.level[0]) == [0.25, 0, 0, 0.75, 0, 0]
    assert np.isfinite(said.level).all()
    assert said.topics.shape == (1, 0)


def test_a_model_without_directions_says_unchanged_with_a_confidence_of_a_third() -> None:
    said = aggregated("{kind: sequence-classification, labels: {a: 0, b: 5}}", ["a", "b"], [[1.0, 4.0]])
    pooled = pool_windows(said.level, said.direction, said.topics, topic_thresholds=(), always_a_topic=False)
    assert DIRECTIONS[pooled.direction] is Direction.UNCHANGED
    assert pooled.direction_confidence == pytest.approx(1 / 3)
    assert (pooled.level, pooled.topics) == (5, ())


def test_exclusive_labels_with_directions_leave_the_rest_to_unchanged() -> None:
    mapping = (
        "{kind: sequence-classification, labels: {talks: {level: 1, direction: de-escalating}, "
        "fights: {level: 4, direction: escalating}, other: 0}}"
    )
    said = aggregated(mapping, ["talks", "fights", "other"], [logs(0.2, 0.7, 0.1)])
    assert shares(said.direction[0]) == [0.1, 0.7, 0.2]


def test_independent_labels_make_a_level_as_sure_as_the_surest_label_of_it_or_above() -> None:
    mapping = "{kind: sequence-classification, labels: {unrest: 2, war: 5, battle: 5, riot: {level: 3, topic: riot}}}"
    odds = [[0.8473, -1.3863, -2.1972, -4.0]]  # 0.7, 0.2, 0.1, 0.018
    said = aggregated(mapping, ["unrest", "war", "battle", "riot"], odds, independent=True)
    assert shares(said.level[0]) == [0.3, 0, 0.5, 0, 0, 0.2]
    assert float(sigmoid(said.topics)[0, 0]) == pytest.approx(0.018, abs=1e-4)


def test_the_file_wins_over_the_configuration_on_whether_labels_exclude_each_other() -> None:
    mapping = "{kind: sequence-classification, labels_are: independent, labels: {war: 5}}"
    assert shares(aggregated(mapping, ["war"], [[0.0]]).level[0]) == [0.5, 0, 0, 0, 0, 0.5]


def test_topics_of_several_labels_are_one_topic_with_its_own_threshold() -> None:
    mapping = parse_label_mapping(
        "{kind: sequence-classification, topic_threshold: 0.3, labels: {a: {level: 0, topic: sport, threshold: 0.6}, "
        "b: {level: 5, topic: riot}, c: {level: 0, topic: sport}}}",
        "m",
    )
    fitted = fit_labels(mapping, ["a", "b", "c"], independent=False)
    assert (fitted.topics, fitted.topic_thresholds) == (("medtop:15000000", "medtop:20000069"), (0.6, 0.3))
    said = fitted.aggregate(np.array([logs(0.25, 0.5, 0.25)], dtype=np.float32))
    assert sigmoid(said.topics)[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-4)


ZERO_SHOT = (
    "{kind: zero-shot, template: 'It is about {}.', levels: {0: calm, 5: [war, battle]}, "
    "directions: {unchanged: same, escalating: worse, de-escalating: better}, topics: {riot: riots}}"
)


def test_hypotheses_compete_by_their_entailment_and_topics_by_it_against_all_other_labels() -> None:
    labels = ["contradiction", "neutral", "entailment"]
    fitted = fit_labels(parse_label_mapping(ZERO_SHOT, "m"), labels, independent=False)
    assert fitted.hypotheses[:3] == ("It is about calm.", "It is about war.", "It is about battle.")
    yes = [1.0, 0.0, 3.0, 0.0, 2.0, 0.0, 2.0]
    answers = np.array([[[0.0, 2.0, one] for one in yes]], dtype=np.float32)
    said = fitted.aggregate(answers)
    level = np.exp([1.0, 3.0]) / np.exp([1.0, 3.0]).sum()
    assert np.exp(said.level[0])[[0, 5]].tolist() == pytest.approx(level.tolist(), abs=1e-5)
    assert shares(said.direction[0]) == [0.107, 0.787, 0.107]
    riot = np.exp(2.0) / (np.exp(0.0) + 2 * np.exp(2.0))
    assert float(sigmoid(said.topics)[0, 0]) == pytest.approx(riot, abs=1e-4)


def test_answers_of_one_window_do_not_change_those_of_another() -> None:
    fitted = fit_labels(parse_label_mapping(ZERO_SHOT, "m"), ["entailment", "no"], independent=False)
    answers = np.random.default_rng(1).normal(size=(5, 7, 2)).astype(np.float32)
    together = fitted.aggregate(answers)
    for window in range(5):
        alone = fitted.aggregate(answers[window : window + 1])
        assert np.allclose(alone.level[0], together.level[window], atol=1e-6)
        assert np.allclose(alone.topics[0], together.topics[window], atol=1e-6)


def test_the_entailment_is_found_by_its_name_or_taken_as_stated() -> None:
    stated = parse_label_mapping("{kind: zero-shot, entailment: LABEL_0}", "m")
    assert fit_labels(stated, ["LABEL_0", "LABEL_1"], independent=False).hypotheses
    assert isinstance(choose_mapping(["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]), ZeroShotMapping)


@pytest.mark.parametrize("labels", [list(LEVEL_NAMES), ["5", "4", "3", "2", "1", "0"]])
def test_labels_that_are_levels_need_no_mapping(labels: list[str]) -> None:
    fitted = fit_labels(choose_mapping(labels), labels, independent=False)
    said = fitted.aggregate(np.array([[9.0, 0, 0, 0, 0, 0]], dtype=np.float32))
    assert int(said.level.argmax()) == (0 if labels[0] == "no conflict" else 5)


def test_labels_that_say_nothing_need_a_mapping() -> None:
    with pytest.raises(ModelDirectoryError, match=r"POSITIVE, NEGATIVE.*TOCSIN_CLASSIFY_LABELS"):
        choose_mapping(["POSITIVE", "NEGATIVE"])


@pytest.mark.parametrize(
    ("mapping", "labels", "complaint"),
    [
        ("labels: {A: 0, B: 5, C: 3}", "A B", "no label C; its labels are A, B"),
        ("labels: {A: 0, B: 5}", "A B D E", "nothing is said about D, E"),
        ("labels: {A: 3, B: 3}", "A B", "the same level"),
        ("labels: {A: sport, B: riot}", "A B", "none has a level"),
        (
            "labels: {A: {level: 0, topic: sport, threshold: 0.1}, B: {level: 1, topic: sport, threshold: 0.2}}",
            "A B",
            "two thresholds",
        ),
    ],
)
def test_a_model_with_other_labels_is_refused_with_the_reason(mapping: str, labels: str, complaint: str) -> None:
    parsed = parse_label_mapping("{kind: sequence-classification, " + mapping + "}", "m")
    with pytest.raises(ModelDirectoryError, match=complaint):
        fit_labels(parsed, labels.split(), independent=False)


@pytest.mark.parametrize(
    ("mapping", "labels", "complaint"),
    [
        ("{kind: zero-shot}", "LABEL_0 LABEL_1", "none of the model's labels is called that"),
        ("{kind: zero-shot, entailment: yes}", "LABEL_0 LABEL_1", "no label yes"),
        ("{kind: zero-shot}", "entailment", "cannot say no"),
    ],
)
def test_a_model_that_answers_no_hypotheses_is_refused(mapping: str, labels: str, complaint: str) -> None:
    with pytest.raises(ModelDirectoryError, match=complaint):
        fit_labels(parse_label_mapping(mapping, "m"), labels.split(), independent=False)
