"""The model card says what was measured, and whom to attribute."""

from typing import Any

import pytest

from tocsin_classify.training.model_card import write_card

pytestmark = pytest.mark.unit

FIGURES: dict[str, Any] = {
    "items": 10,
    "level_qwk": 0.9123,
    "level_exact": 0.8,
    "violent_precision": 0.93,
    "violent_recall": 0.94,
    "direction_accuracy": 0.88,
    "topics_micro_f1": 0.82,
    "topics_macro_f1": 0.7,
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
        "base": "multilingual-e5-small",
        "languages": ["ar", "en"],
        "test_from": "2021-01-01",
        "windows": 9000,
        "development_items": 700,
        "test": {
            "en": FIGURES,
            "by_language": {"en": FIGURES, "ar": {**FIGURES, "level_qwk": 0.6543}},
            "translations": FIGURES,
            "full_length": {**FIGURES, "level_qwk": 0.5555},
            "topic_f1": {"medtop:16000000": 0.9, "local:nuclear-weapons": None},
        },
        "confusion": [[level * 10 + said for said in range(6)] for level in range(6)],
        "int8_cosine": 0.9991,
        "vocabulary": {"full": 250037, "kept": 100000, "texts": 1170, "unchanged": 0.8, "tokens_ratio": 1.005},
        "recipe": {
            "seed": 7,
            "epochs": 3,
            "batch_size": 32,
            "learning_rate": 1.5e-4,
            "head_learning_rate": 2e-3,
            "freeze_layers": 4,
            "stop_at": 0,
        },
        "commands": ["tocsin train --data=DATA --seed=7"],
        **change,
    }


def card(**change: Any) -> str:
    return write_card(record(**change), {"medtop:16000000": "conflict, war and peace"})


def test_the_card_holds_the_figures_of_every_group() -> None:
    text = card()
    assert "| English, short items | 10 | 0.912 | 0.800 | 0.930 | 0.940 | 0.880 | 0.820 | 0.700 |" in text
    assert "| Arabic | 10 | 0.65 |" in text
    assert "| English, full-length articles | 10 | 0.555 |" in text or "| 0.556 |" in text
    assert "| 5 | 50 | 51 | 52 | 53 | 54 | 55 |" in text


def test_the_card_attributes_and_licenses() -> None:
    text = card()
    assert "Wikipedia contributors" in text.replace("**", "")
    assert "license: cc-by-sa-4.0" in text
    assert "multilingual-e5-small (MIT)" in text


def test_the_card_says_how_to_make_the_model_again() -> None:
    text = card()
    assert "tocsin train --data=DATA --seed=7" in text
    assert "- Seed 7, 3 x 9,000 windows, 32 a step, rate 0.00015 (heads 0.002), lowest 4 layers frozen." in text


def test_a_model_of_two_stages_names_both() -> None:
    first = {**record()["recipe"], "seed": 5, "examples": 8000, "step": 750}
    text = card(started_from=first, commands=["tocsin train --seed=5", "tocsin train --seed=7"])
    assert text.index("--seed=5") < text.index("--seed=7") < text.index("- Seed 5, 3 x 8,000 windows")
    assert text.index("- Seed 5") < text.index("- Seed 7")


def test_topics_carry_name_threshold_and_score() -> None:
    text = card()
    assert "| `medtop:16000000` | conflict, war and peace | 0.35 | 0.90 |" in text
    assert "| `local:nuclear-weapons` | local:nuclear-weapons | 0.50 | - |" in text


def test_what_was_not_measured_is_left_out() -> None:
    test = {**record()["test"], "translations": None, "full_length": None}
    text = card(test=test, vocabulary=None, base="./mine")
    assert "full-length articles |" not in text
    assert "Its vocabulary was cut" not in text
    assert "`./mine`; its licence applies too" in text
