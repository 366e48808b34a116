"""Reads the project's own tables of names (the files under data/)."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from tocsin_classify.gazetteer.fold import fold, lower
from tocsin_classify.gazetteer.name import Ambiguity, Case, Name

_COLUMN = "|"
_GENDER_ENDINGS = ("o", "a", "os", "as")


def country_names() -> dict[str, str]:
    """Return the name that is shown for each country, by ISO 3166-1 alpha-2 code."""
    return {code: names[0] for code, names, _ in _english_rows()}


def collect_ambiguities() -> dict[str, Ambiguity]:
    """Return the rules for names with several meanings, by the form that is searched for."""
    rules = {}
    for row in _rows("ambiguous.txt"):
        name, country, rivals = (cell.strip() for cell in row.split(_COLUMN))
        words = frozenset(rivals.split())
        rules[lower(fold(name))] = Ambiguity(country, words - {"person"}, "person" in words)
    return rules


@cache
def words_before_places() -> frozenset[str]:
    """Return the words, in lower case, that stand before a place and never before a surname."""
    return frozenset(word for row in _rows("words_before_places.txt") for word in row.split())


@cache
def skipped_cities() -> frozenset[str]:
    """Return folded names of cities that are first of all words or names of people."""
    return frozenset(fold(word.replace("_", " ")) for row in _rows("skipped_cities.txt") for word in row.split())


def not_places() -> Iterator[Name]:
    """Yield phrases that hide the name of a country inside them."""
    return (Name(fold(phrase), None) for phrase in _rows("not_places.txt"))


def english_names() -> Iterator[Name]:
    """Yield names of countries, regions, people and adjectives in English."""
    for code, names, people in _english_rows():
        for name in names:
            exact = name.startswith("=")
            yield Name(fold(name.removeprefix("=")), code, Case.EXACT if exact else Case.CAPITAL)
        for word in people:
            yield Name(fold(word), code)
            if not word.endswith(("s", "sh", "ch", "ese", "men")):
                yield Name(fold(word) + "s", code)


def names_in_other_languages() -> Iterator[Name]:
    """Yield people, adjectives and common names in the other languages."""
    for row in _rows("other_languages.txt"):
        code, words = (cell.strip() for cell in row.split(_COLUMN))
        for word in words.split():
            for form in _forms(word.replace("_", " ")):
                yield Name(fold(form), code, Case.ANY if word[0].islower() else Case.CAPITAL)


def _forms(word: str) -> list[str]:
    if word.endswith("~"):
        return [word[:-1] + ending for ending in _GENDER_ENDINGS]
    if word.endswith("+"):
        return [word[:-1], word[:-1] + "s"]
    return [word]


def _rows(file: str) -> Iterator[str]:
    text = files("tocsin_classify.gazetteer").joinpath("data", file).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _english_rows() -> Iterator[tuple[str, list[str], list[str]]]:
    for row in _rows("english.txt"):
        code, names, people = (cell.strip() for cell in row.split(_COLUMN))
        yield code, _split(names), _split(people)


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]
