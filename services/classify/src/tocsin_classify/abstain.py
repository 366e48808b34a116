"""Why an article is better not judged: it is no news, in a language the model does not know, or the model is unsure."""

from typing import Final

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.pool_windows import Floats, sigmoid
from tocsin_contracts.classified import Abstention
from tocsin_contracts.detect_language import UNDETERMINED, count_letters
from tocsin_contracts.fields import Language

FEWEST_LETTERS: Final = 5
"""A text with fewer says nothing, in any script: an empty page, a number, a lone bullet."""
LETTERS_FOR_LANGUAGE: Final = 60
"""Below this the detector's word is not enough to refuse a text. On news of thirteen languages it was wrong for one
text in thirty of 30 characters, and, relatives apart, for one in three hundred of 80."""
_STEP: Final = 200

_RELATIVES: Final = {"ms": "id"}
"""Languages written so alike that the detector takes news in the second for the first (one item in fifteen)."""


def why_abstain(
    text: str, language: Language, news: Floats | None, confidence: float, model: ModelSettings
) -> Abstention | None:
    """Return the first reason not to judge, or None.

    text: title and text; language: `und` where it is not known; news: the logits [W, 1] of the
    article's windows, where the model has any; confidence: that of its level.
    """
    if not has_letters(text, FEWEST_LETTERS) or _is_no_news(news, model):
        return Abstention.NO_NEWS
    if not knows_language(text, language, model):
        return Abstention.LANGUAGE
    return Abstention.CONFIDENCE if confidence < model.abstain_below else None


def knows_language(text: str, language: Language, model: ModelSettings) -> bool:
    """Whether the model knows the language, or may: short texts and undetermined ones get the benefit of the doubt."""
    if not asks_for_language(text, model) or language == UNDETERMINED:
        return True
    return language in model.languages or _RELATIVES.get(language) in model.languages


def asks_for_language(text: str, model: ModelSettings) -> bool:
    """Whether it makes a difference in which language the text is."""
    return bool(model.languages) and has_letters(text, LETTERS_FOR_LANGUAGE)


def has_letters(text: str, enough: int) -> bool:
    """Whether `text` has at least so many letters, as `count_letters` counts; looks no further than it must."""
    found = 0
    for start in range(0, len(text), _STEP):
        found += count_letters(text[start : start + _STEP])
        if found >= enough:
            return True
    return False


def _is_no_news(news: Floats | None, model: ModelSettings) -> bool:
    return news is not None and bool(sigmoid(news).max() < model.news_below)
