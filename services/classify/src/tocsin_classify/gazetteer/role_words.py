"""The words beside names that say what a country has to do with the news (data/role_words.txt)."""

from functools import cache

from tocsin_classify.gazetteer.fold import fold, is_han, lower
from tocsin_classify.gazetteer.tables import read_rows

KINDS = ("in", "in_after", "says", "official", "force", "person", "past", "like")


@cache
def role_words() -> dict[str, frozenset[str]]:
    """Return folded words in lower case by kind, without the Chinese ones."""
    return {kind: frozenset(word for word in words if not is_han(word[0])) for kind, words in _all().items()}


@cache
def chinese_role_words() -> dict[str, tuple[str, ...]]:
    """Return the Chinese ones by kind: that script has no blanks, so they are searched as they are."""
    return {kind: tuple(sorted(word for word in words if is_han(word[0]))) for kind, words in _all().items()}


@cache
def _all() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for row in read_rows("role_words.txt"):
        kind, words = row.split("|")
        found[kind.strip()] |= {lower(fold(word.replace("_", " "))) for word in words.split()}
    return found
