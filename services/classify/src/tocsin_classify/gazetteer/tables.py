"""Reads the project's own tables of names (the files under data/)."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from tocsin_classify.gazetteer.fold import fold, lower
from tocsin_classify.gazetteer.name import Ambiguity, Case, Kind, Name

_COLUMN = "|"
_NEEDS = "needs"
_GENDER_ENDINGS = ("o", "a", "os", "as")


def country_names() -> dict[str, str]:
    """Return the name that is shown for each country, by ISO 3166-1 alpha-2 code."""
    return {code: names[0] for code, names, _ in _english_rows()}


def collect_ambiguities() -> dict[str, Ambiguity]:
    """Return the rules for names with several meanings, by the form that is searched for."""
    rules = {}
    for row in read_rows("ambiguous.txt"):
        names, country, rivals, *cues = (cell.strip() for cell in row.split(_COLUMN))
        words = frozenset(rivals.split())
        rule = Ambiguity(
            country,
            words - {"person", "first"},
            person=not words.isdisjoint({"person", "first"}),
            first_name="first" in words,
            cues=tuple(cue for cue in _cues(cues) if cue[1] != _NEEDS),
            needs=frozenset(word for word, country in _cues(cues) if country == _NEEDS),
        )
        rules.update({lower(fold(name.strip())): rule for name in names.split(",")})
    return rules


def _cues(cells: list[str]) -> Iterator[tuple[str, str]]:
    """`US: senate, county` says that near these words the name means the USA."""
    for cell in cells:
        country, _, words = cell.partition(":")
        for word in words.split(","):
            yield lower(fold(word.strip())), country.strip()


def regions() -> tuple[dict[str, str], dict[str, str]]:
    """Return what follows the names of cities, with its country: names by their key, abbreviations as written."""
    names, abbreviations = {}, {}
    for row in read_rows("regions.txt"):
        country, long, short = (cell.strip() for cell in row.split(_COLUMN))
        names.update({lower(fold(name)): country for name in _split(long)})
        abbreviations.update(dict.fromkeys(short.split(), country))
    return names, abbreviations


@cache
def words_before_places() -> frozenset[str]:
    """Return the words, in lower case, that stand before a place and never before a surname."""
    return frozenset(word for row in read_rows("words_before_places.txt") for word in row.split())


@cache
def words_after_places() -> frozenset[str]:
    """Return the words, in lower case, that may stand after a place with a capital and are no surname."""
    return frozenset(word for row in read_rows("words_after_places.txt") for word in row.split())


@cache
def skipped_cities() -> frozenset[str]:
    """Return folded names of cities that are first of all words or names of people."""
    return frozenset(fold(word.replace("_", " ")) for row in read_rows("skipped_cities.txt") for word in row.split())


def not_places() -> Iterator[Name]:
    """Yield phrases that hide the name of a country inside them."""
    return (Name(fold(phrase), None) for phrase in read_rows("not_places.txt"))


def english_names() -> Iterator[Name]:
    """Yield names of countries, regions, people and adjectives in English."""
    for code, names, people in _english_rows():
        for name in names:
            exact = name.startswith("=")
            yield Name(fold(name.removeprefix("=")), code, Case.EXACT if exact else Case.CAPITAL)
        for word in people:
            yield Name(fold(word), code, kind=Kind.PEOPLE)
            if not word.endswith(("s", "sh", "ch", "ese", "men")):
                yield Name(fold(word) + "s", code, kind=Kind.PEOPLE)


def names_in_other_languages() -> Iterator[Name]:
    """Yield people, adjectives and common names in the other languages."""
    for row in read_rows("other_languages.txt"):
        code, words = (cell.strip() for cell in row.split(_COLUMN))
        for word in words.split():
            for form in _forms(word.replace("_", " ")):
                if word[0].islower():
                    yield Name(fold(form), code, Case.ANY, Kind.PEOPLE)
                else:
                    yield Name(fold(form), code)


def exact_names() -> Iterator[Name]:
    """Yield AS, which is Indonesian for the USA; see ambiguous.txt."""
    yield Name("AS", "US", Case.EXACT)


def actors() -> Iterator[Name]:
    """Yield armed groups and institutions with their homes."""
    for row in read_rows("actors.txt"):
        homes, names = (cell.strip() for cell in row.split(_COLUMN))
        code, *also = homes.split()
        for name in _split(names):
            exact = name.startswith("=")
            case = Case.EXACT if exact else Case.ANY if name[0].islower() else Case.CAPITAL
            yield Name(fold(name.removeprefix("=")), code, case, Kind.ACTOR, tuple(also))


def _forms(word: str) -> list[str]:
    if word.endswith("~"):
        return [word[:-1] + ending for ending in _GENDER_ENDINGS]
    if word.endswith("+"):
        return [word[:-1], word[:-1] + "s"]
    return [word]


def read_rows(file: str) -> Iterator[str]:
    """Yield the lines of a table that say something."""
    text = files("tocsin_classify.gazetteer").joinpath("data", file).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _english_rows() -> Iterator[tuple[str, list[str], list[str]]]:
    for row in read_rows("english.txt"):
        code, names, people = (cell.strip() for cell in row.split(_COLUMN))
        yield code, _split(names), _split(people)


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]
