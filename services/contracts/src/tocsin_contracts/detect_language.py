"""Which language an article is written in; needs the extra `language`.

The model (140 languages, 4.5 MB on disk, 70 MB in memory) is loaded at the first article.
"""

import threading
from typing import Any, Final

from tocsin_contracts.fields import Language

UNDETERMINED: Final[Language] = "und"
MIN_LETTERS: Final = 12
"""Below this even people guess: one name or place is written alike in many languages."""
MIN_CONFIDENCE: Final = 0.5
SAMPLE_CHARS: Final = 2_000
"""Confidence no longer grows beyond this, time does."""

_MACROLANGUAGE: Final = {"ary": "ar", "arz": "ar", "wuu": "zh", "yue": "zh", "uzs": "uz", "sdh": "ku"}
"""ISO 639-3 members that the model tells apart and people do not: it takes a quarter of all Chinese news for Wu."""

_lock = threading.Lock()
_identifier: Any = None


def detect_language(title: str, text: str) -> Language:
    """Return the ISO 639 code of the language, `und` when the article is too short or the model is unsure."""
    sample = f"{title}\n{text}"[:SAMPLE_CHARS]
    if count_letters(sample) < MIN_LETTERS:
        return UNDETERMINED
    code, confidence = load_model().classify(sample)
    if confidence < MIN_CONFIDENCE or code == "zxx":
        return UNDETERMINED
    return _MACROLANGUAGE.get(code, str(code))


def count_letters(text: str) -> int:
    """Return how many letters `text` has; one of Chinese, Japanese or Korean says as much as three, and counts so."""
    letters = sum(character.isalpha() for character in text)
    wide = sum("\u3040" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" for character in text)
    return letters + 2 * wide


def load_model() -> Any:
    """Return the model, loaded once (about a second)."""
    global _identifier
    with _lock:
        if _identifier is None:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            _identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        return _identifier
