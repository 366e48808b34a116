"""Brings text into the one spelling that names are compared in.

Accents, apostrophes, dashes, Arabic vowel signs and Cyrillic endings differ from article to article; what is left
after folding does not. Case is kept: it tells the country Turkey from the bird.
"""

import re
import unicodedata
from functools import cache

# Letters that Unicode does not take apart into a base letter and a mark.
_PLAIN = {
    "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe",
    "Œ": "Oe", "ə": "e", "Ə": "E", "ё": "е", "Ё": "Е",
}  # fmt: skip
_APOSTROPHES = "’‘ʼʻʾʿ`´′"
_TO_SPACE = "-‐‑‒–—―_\u00a0\u200c·・"
# Tatweel, vowel signs and marks that Arabic writing may add or leave out; invisible characters of all scripts.
_DROPPED = "ـ" + "".join(map(chr, range(0x064B, 0x0656))) + "ٰ\u00ad\u200b\u200d\u200e\u200f\u2060\ufeff"
_ARABIC = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ۀ": "ه", "ہ": "ه", "ھ": "ه"}
_NUKTA = "\u093c"

# Endings of Russian and Ukrainian adjectives and nouns; the shortest stem, so the longest ending, wins. Not a stemmer
# for its own sake: names and text lose the same endings, so that every case of a name becomes one spelling.
_ADJECTIVE = re.compile("(.{2,}[сь]к)(?:ого|ому|ими|ами|ою|ої|ий|им|их|ій|ой|ое|ом|ая|ие|ую|а|е|і|у|о)", re.IGNORECASE)
_NOUN = re.compile(
    "(.{4,}?)(?:ями|ами|ея|еи|еї|ого|ому|ыми|ими|ах|ях|ою|ої|ею|єю|ов|ев|ів|ом|ем|ям|ам|ой|ей|ий|ій|ый|ая|ое|ые|ых|их|ым|им|ую|ее"
    "|а|я|у|ю|е|є|о|ы|и|і|ї|й|ь)?",
    re.IGNORECASE,
)
# New as in New Zealand: its stem is too short for the rule.
_NEW = re.compile("(нов)(?:ая|ой|ую|ою|а|ої|ій|у)", re.IGNORECASE)
_CYRILLIC_WORD = re.compile(r"[\u0400-\u04ff']{4,}")

_SPACES = re.compile(r"\s+")


def fold(text: str) -> str:
    """Return `text` in the common spelling, in its own case."""
    plain = unicodedata.normalize("NFC", text).translate(_table())
    return _CYRILLIC_WORD.sub(_without_ending, _SPACES.sub(" ", plain))


def lower(folded: str) -> str:
    """Lower-case folded text without changing its length, so that positions stay comparable."""
    lowered = folded.lower()
    if len(lowered) == len(folded):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in folded)


def is_letter(char: str) -> bool:
    """Whether `char` continues a word; vowel signs of Indian scripts do, though they are no letters by themselves."""
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def is_arabic(char: str) -> bool:
    """Whether `char` belongs to the Arabic script."""
    return "\u0600" <= char <= "\u06ff"


def is_han(char: str) -> bool:
    """Whether `char` belongs to the Chinese script, which writes no spaces."""
    return "\u4e00" <= char <= "\u9fff"


@cache
def _table() -> dict[int, str]:
    table = {ord(letter): plain for letter, plain in (_PLAIN | _ARABIC).items()}
    table |= dict.fromkeys(map(ord, _APOSTROPHES), "'")
    table |= dict.fromkeys(map(ord, _TO_SPACE), " ")
    table |= dict.fromkeys(map(ord, _DROPPED + _NUKTA), "")
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        # Portuguese tells Irã and Omã from other words by the tilde alone.
        if base.isascii() and code not in table and chr(code) not in "ãÃ":
            table[code] = base
    # Precomposed Devanagari letters carry the nukta inside.
    for code in range(0x958, 0x960):
        table[code] = unicodedata.normalize("NFD", chr(code))[0]
    return table


def _without_ending(match: re.Match[str]) -> str:
    word = match.group()
    parts = _NEW.fullmatch(word) or _ADJECTIVE.fullmatch(word) or _NOUN.fullmatch(word)
    return parts[1] if parts else word
