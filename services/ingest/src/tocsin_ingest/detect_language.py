"""Which language an article is written in. The model (140 languages, 4.5 MB) is loaded at the first article."""

import threading
from typing import Any, Final

from tocsin_contracts.fields import Language

UNDETERMINED: Final[Language] = "und"
MIN_LETTERS: Final = 12
"""Below this even people guess: one name or place is written alike in many languages."""
MIN_CONFIDENCE: Final = 0.5
SAMPLE_CHARS: Final = 2_000
"""Confidence no longer grows beyond this, time does."""

_lock = threading.Lock()
_identifier: Any = None


def detect_language(title: str, text: str) -> Language:
    """Return the ISO 639 code of the language, `und` when the article is too short or the model is unsure."""
    sample = f"{title}\n{text}"[:SAMPLE_CHARS]
    letters = sum(character.isalpha() for character in sample)
    # One character of Chinese, Japanese or Korean says as much as a few letters.
    wide = sum("\u3040" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7af" for character in sample)
    if letters + 2 * wide < MIN_LETTERS:
        return UNDETERMINED
    code, confidence = load_model().classify(sample)
    if confidence < MIN_CONFIDENCE or code == "zxx":
        return UNDETERMINED
    return str(code)


def load_model() -> Any:
    """Return the model, loaded once (about a second)."""
    global _identifier
    with _lock:
        if _identifier is None:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            _identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        return _identifier
