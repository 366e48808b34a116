"""When a text is better not judged, and for which reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tocsin_classify.abstain import has_letters, why_abstain
from tocsin_classify.model_directory import ModelSettings, read_model_directory
from tocsin_contracts.classified import Abstention

pytestmark = pytest.mark.unit

TINY = read_model_directory(Path(__file__).parents[2] / "fixtures" / "tiny-model")
ENGLISH = "Shells fell on the northern district of the town for a third night, officials said."


def model(**changes: Any) -> ModelSettings:
    return TINY.model_copy(update=changes)


def why(
    text: str = ENGLISH, language: str = "en", news: list[float] | None = None, sure: float = 0.9, **changes: Any
) -> Abstention | None:
    logits = None if news is None else np.array([[logit] for logit in news], dtype=np.float32)
    return why_abstain(text, language, logits, sure, model(**changes))


def test_a_model_that_asks_for_nothing_abstains_on_nothing() -> None:
    assert why(language="xx", sure=0.0) is None


@pytest.mark.parametrize("text", ["", "\n", "404", "12.03.2026 – 14:05", "• … !", "OK", "停"])
def test_next_to_no_letters_are_no_news(text: str) -> None:
    assert why(text) is Abstention.NO_NEWS


def test_a_short_headline_is_news_in_any_script() -> None:
    assert [why(text) for text in ("Truce holds", "停火了", "Война")] == [None] * 3


def test_it_is_news_when_any_window_is() -> None:
    assert why(news=[-3.0, -2.0], news_below=0.5) is Abstention.NO_NEWS
    assert why(news=[-3.0, 2.0], news_below=0.5) is None
    assert why(news=None, news_below=0.5) is None


def test_a_language_the_model_does_not_list_is_abstained_on() -> None:
    assert why(language="fi", languages=("en", "fr")) is Abstention.LANGUAGE
    assert why(language="en", languages=("en", "fr")) is None
    assert why(language="fi", languages=()) is None


def test_short_texts_and_undetermined_ones_get_the_benefit_of_the_doubt() -> None:
    assert why("Aselepo pitää rajalla", "fi", languages=("en",)) is None
    assert why(language="und", languages=("en",)) is None


def test_malay_passes_for_indonesian() -> None:
    assert why(language="ms", languages=("en", "id")) is None
    assert why(language="ms", languages=("en",)) is Abstention.LANGUAGE


def test_confidence_must_reach_the_models_bar() -> None:
    assert why(sure=0.49, abstain_below=0.5) is Abstention.CONFIDENCE
    assert why(sure=0.5, abstain_below=0.5) is None


def test_the_first_reason_is_given() -> None:
    strict: dict[str, Any] = {"languages": ("en",), "abstain_below": 0.9, "news_below": 0.5}
    assert why(language="fi", news=[-3.0], sure=0.1, **strict) is Abstention.NO_NEWS
    assert why(language="fi", news=[3.0], sure=0.1, **strict) is Abstention.LANGUAGE
    assert why(language="en", news=[3.0], sure=0.1, **strict) is Abstention.CONFIDENCE


def test_letters_are_found_wherever_they_stand() -> None:
    assert has_letters("7" * 90_000 + " war now", 6)
    assert not has_letters("7" * 90_000 + " war", 6)
