"""The model card says what was measured, and whom to attribute."""

from typing import Any

import pytest

from tocsin_classify.training.figures import ENGLISH, FULL_LENGTH, NAMES, OTHERS
from tocsin_classify.training.model_card import write_card

pytestmark = pytest.mark.unit

LEVEL = {"value": 0.9123, "low": 0.89, "high": 0.9345}
FIGURES: dict[str, Any] = {
    **{name: {"value": 0.8, "low": 0.75, "high": 0.85} for name in NAMES},
    "level_qwk": LEVEL,
    "deescalating_f1": {"value": None, "low": None, "high": None},
}
GROUP: dict[str, Any] = {"items": 10, "stories": 8, "level_ece_of_a_perfect_model": 0.021, "figures": FIGURES}

STAGE: dict[str, Any] = {
    "data": ["DATA"],
    "test_from": "2021-01-01",
    "windows": 9000,
    "recipe": {
        "seed": 7,
        "epochs": 3,
        "batch_size": 32,
        "learning_rate": 1.5e-4,
        "head_learning_rate": 2e-3,
        "freeze_layers": 4,
        "stop_at": 0,
    },
    "options": {},
    "steps": 844,
    "groups": {},
}


def record(**change: Any) -> dict[str, Any]:
    return {
        "model_name": "tiny-model",
        "model_version": "1.2.3",
        "scale_version": "hiik-reported-1",
        "topics": ["medtop:16000000", "local:nuclear-weapons"],
        "topic_thresholds": [0.35, 0.5],
        "window_tokens": 128,
        "window_stride": 112,
        "level_temperature": 0.75,
        "level_bias": [0.0] * 6,
        "abstain_below": 0.47,
        "news_below": 0.31,
        "base": "multilingual-e5-small",
        "languages": ["ar", "en"],
        "test_from": "2021-01-01",
        "windows": 9000,
        "development_items": 700,
        "calibrations": {"temperature": {"surprise": 0.5, "level_ece": 0.03, "level_qwk": 0.9, "level_exact": 0.8}},
        "test": {
            "resamples": 1000,
            "seed": 7,
            "groups": {ENGLISH: GROUP, OTHERS: GROUP, "short, ar": GROUP, FULL_LENGTH: GROUP, "all": GROUP},
            "worst_language": "short, ar",
            "targets": [
                {"group": ENGLISH, "figure": "level_qwk", "target": 0.94, **LEVEL, "met": False},
                {"group": "all", "figure": "level_ece", "target": 0.04, **LEVEL, "met": True},
            ],
            "confusion": {ENGLISH: [[level * 10 + said for said in range(6)] for level in range(6)]},
            "abstention": {
                "news": 30,
                "news_abstained": {"confidence": 4, "language": 1},
                "no_news": 0,
                "no_news_abstained": {},
                "level_exact_of_the_rest": 0.88,
            },
            "topics": {"medtop:16000000": {"f1": 0.9}, "local:nuclear-weapons": {"f1": None}},
        },
        "int8_cosine": {"level": 0.9991, "news": 0.9987},
        "vocabulary": {"full": 250037, "kept": 100000, "texts": 1170, "unchanged": 0.8, "tokens_ratio": 1.005},
        "stages": [STAGE],
        "commands": ["tocsin train --data=DATA --seed=7"],
        **change,
    }


def card(**change: Any) -> str:
    return write_card(record(**change), {"medtop:16000000": "conflict, war and peace"})


def test_the_card_holds_the_figures_of_every_group_with_their_intervals() -> None:
    text = card()
    row = "0.912 (0.89-0.93) | 0.800 (0.75-0.85) | 0.800 (0.75-0.85) | 0.800 (0.75-0.85) | 0.800 (0.75-0.85) |"
    assert f"| short, en | 10 | {row}" in text
    assert f"| full-length | 10 | {row}" in text
    assert f"| Arabic | 10 | {row}" in text
    assert "| 5 | 50 | 51 | 52 | 53 | 54 | 55 |" in text


def test_the_card_sets_figures_beside_their_targets() -> None:
    text = card()
    assert "1 of 2 are met" in text
    assert "| short, en | level QWK | at least 0.94 | 0.912 (0.89-0.93) | **not met** |" in text
    assert "| all | calibration error | at most 0.04 |" in text


def test_the_card_states_calibration_and_abstention() -> None:
    text = card()
    assert "temperature 0.75. In cross-validation" in text
    assert "below a confidence of **0.47**" in text
    assert "below a probability of 0.31 of being news" in text
    assert "abstains on 5 of 30, and gives the exact level to 88.0% of the rest" in text
    assert "then a bias per level of +0.10, +0.00" in card(level_bias=[0.1, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_the_card_attributes_and_licenses() -> None:
    text = card()
    assert "Wikipedia contributors" in text.replace("**", "")
    assert "license: cc-by-sa-4.0" in text
    assert "multilingual-e5-small (MIT)" in text


def test_the_card_says_how_to_make_the_model_again() -> None:
    text = card()
    assert "tocsin train --data=DATA --seed=7" in text
    assert "`tocsin evaluate --data=DATA --model=models/tiny-model --seed=7`" in text
    assert "level 0.9991, news 0.9987" in text
    assert "- Items from before 2021-01-01: 9,000 windows, 32 a step, 844 steps; seed 7, rate 0.00015" in text


def test_the_figures_alone_are_taken_on_the_data_of_the_last_stage() -> None:
    last = {**STAGE, "data": ["DATA", "ours", "ours/later"]}
    assert "`tocsin evaluate --data=DATA --data=ours --data=ours/later --model" in card(stages=[STAGE, last])


def test_the_card_says_what_becomes_of_precision_where_violence_is_rarer() -> None:
    # 1 of 10 others is called violent, 8 of 10 violent ones are: 0.05 * 0.8 / (0.05 * 0.8 + 0.95 * 0.1).
    counts = [[9, 0, 0, 1, 0, 0], [0] * 6, [0] * 6, [0, 0, 2, 8, 0, 0], [0] * 6, [0] * 6]
    text = card(test={**record()["test"], "confusion": {ENGLISH: counts}})
    assert "Of the English test items 50% report level 3 or more. In a feed where 5% do" in text
    assert "make a precision of 0.30" in text
    assert "In a feed where" not in card(test={**record()["test"], "confusion": {}})


def test_a_model_of_two_stages_names_both() -> None:
    first = {**STAGE, "windows": 8000}
    text = card(stages=[first, STAGE], commands=["tocsin train --seed=5", "tocsin train --seed=7"])
    assert text.index("--seed=5") < text.index("--seed=7") < text.index(": 8,000 windows") < text.index(": 9,000 win")


def test_an_earlier_stage_shows_what_it_reached_on_the_years_trained_on_since() -> None:
    earlier = {"value": 0.8771, "low": 0.85, "high": 0.9}
    group = {**GROUP, "items": 952, "figures": {**FIGURES, "level_qwk": earlier}}
    first = {**STAGE, "groups": {ENGLISH: group, "short, ar": GROUP, FULL_LENGTH: group}}
    last = {**STAGE, "test_from": "2022-07-01"}
    text = card(stages=[first, last], test_from="2022-07-01")
    shown = text[text.index("## Held out from 2021-01-01 on") :]
    assert "| short, en | 952 | 0.877 (0.85-0.90) |" in shown
    assert "| Arabic | 10 | 0.912 (0.89-0.93) |" in shown[: shown.index("## Scale")]
    assert "dated 2022-07-01 or later" in text
    # A stage that held out the same says nothing that the last does not say better.
    assert "## Held out" not in card(stages=[first, STAGE])
    assert "## Held out" not in card(stages=[{**STAGE, "groups": {}}, last], test_from="2022-07-01")


def test_topics_carry_name_threshold_and_score() -> None:
    text = card()
    assert "| `medtop:16000000` | conflict, war and peace | 0.35 | 0.90 |" in text
    assert "| `local:nuclear-weapons` | local:nuclear-weapons | 0.50 | - |" in text


def test_what_was_not_measured_is_left_out() -> None:
    test = {**record()["test"], "groups": {ENGLISH: GROUP}, "worst_language": None}
    text = card(test=test, vocabulary=None, base="./mine")
    assert "full-length |" not in text
    assert "Languages it knows" not in text
    assert "Its vocabulary was cut" not in text
    assert "`./mine`; its licence applies too" in text


def test_a_model_that_was_measured_on_nothing_still_has_a_card() -> None:
    test = {**record()["test"], "groups": {}, "worst_language": None, "targets": [], "confusion": {}}
    assert "## Limits" in card(test=test, calibrations={})
