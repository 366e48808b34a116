"""Finds names in a text, the longest first, at word boundaries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from ahocorasick import Automaton

from tocsin_classify.gazetteer.collect_names import collect_names
from tocsin_classify.gazetteer.fold import fold, is_arabic, is_han, is_letter, lower
from tocsin_classify.gazetteer.name import Ambiguity, Case, Kind, Name
from tocsin_classify.gazetteer.tables import (
    collect_ambiguities,
    country_names,
    regions,
    words_after_places,
    words_before_places,
)

# Arabic writes and, with, for, like and the article as part of the next word; endings mark gender and number.
_ARABIC_BEFORE = re.compile("[وف]?(?:[بلك]|ال|بال|كال|لل)?")
_ARABIC_AFTER = re.compile("(?:ه|ين|ون|ان|ات|يه|ا|ها|هاي|يين|يون|ي)?")
_HINDI_AFTER = re.compile("(?:ी|ई|ियों|ियो)?")
_LONGEST_AFFIX = 4
_WORD = re.compile(r"[^\W\d_]{2,30}")
# What follows the city in `Paris, TX`.
_ABBREVIATION = re.compile(r", ([A-Z][A-Za-z]{1,4}\.?)(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Found:
    """One mention of a country: `key` is the spelling it was found by, from `start` to `end` of the folded text."""

    country: str
    key: str
    kind: Kind
    ambiguity: Ambiguity | None
    start: int
    end: int
    also: tuple[str, ...] = ()


class Gazetteer:
    """All names in one automaton; a search is linear in the length of the text."""

    def __init__(self, names: list[Name], ambiguities: dict[str, Ambiguity], shown: dict[str, str]) -> None:
        self._automaton = Automaton()
        for name in names:
            self._automaton.add_word(name.key, name)
        self._automaton.make_automaton()
        self._ambiguities = ambiguities
        self._regions, self._abbreviations = regions()
        self.shown = shown

    def find(self, text: str) -> list[Found]:
        """Return the mentions in reading order, without those that are part of a longer name or of a person's."""
        return self.find_folded(fold(text))

    def find_folded(self, folded: str) -> list[Found]:
        """The same, for text that is folded already."""
        shouting, headline = _is_shouting(folded), _is_headline(folded)
        found: list[Found] = []
        for start, name in self._longest(folded, shouting=shouting):
            end = start + len(name.key)
            if name.country is None:
                continue
            # Serbs are as ambiguous as Serb.
            ambiguity = self._ambiguities.get(name.key) or self._ambiguities.get(name.key.removesuffix("s"))
            if ambiguity and _is_part_of_a_person(folded, start, end, ambiguity, headline=headline):
                continue
            region = self._region(folded, end, name)
            if region is not None and region != name.country:
                found.append(Found(region, name.key, name.kind, None, start, end))
                continue
            found.append(Found(name.country, name.key, name.kind, ambiguity, start, end, name.also))
        return self._settle_cities(folded, found)

    def _region(self, folded: str, end: int, name: Name) -> str | None:
        """Whose abbreviation follows a city: Paris, TX."""
        if name.kind not in (Kind.CITY, Kind.CAPITAL):
            return None
        after = _ABBREVIATION.match(folded, end)
        return self._abbreviations.get(after[1]) if after else None

    def _settle_cities(self, folded: str, found: list[Found]) -> list[Found]:
        """Paris, Texas is no place in France: a city goes with the region that is written after it."""
        settled = []
        for mention, following in zip(found, [*found[1:], None][: len(found)], strict=True):
            if (
                following is not None
                and mention.kind in (Kind.CITY, Kind.CAPITAL)
                and folded[mention.end : following.start] in (", ", "، ")
                and (following.kind is Kind.REGION or following.key in self._regions)
                and mention.country != following.country
            ):
                settled.append(replace(mention, country=following.country, ambiguity=None))
            else:
                settled.append(mention)
        return settled

    def _longest(self, folded: str, *, shouting: bool) -> Iterator[tuple[int, Name]]:
        """Yield names with their start; where names overlap, the one that starts first, and of those the longest."""
        lowered = lower(folded)
        candidates = []
        for end, name in self._automaton.iter(lowered):
            start = end + 1 - len(name.key)
            if _fits_case(folded, start, end + 1, name, shouting=shouting) and _stands_alone(lowered, start, end + 1):
                candidates.append((start, -end, name))
        covered = 0
        for start, negative_end, name in sorted(candidates, key=lambda found: found[:2]):
            if start >= covered:
                yield start, name
                covered = 1 - negative_end


@cache
def load_gazetteer() -> Gazetteer:
    """Build the gazetteer once per process, which takes about a fifth of a second."""
    return Gazetteer(collect_names(), collect_ambiguities(), country_names())


def _is_shouting(folded: str) -> bool:
    """Whether capitals say nothing here, because nearly all letters are capitals."""
    capitals = sum(map(str.isupper, folded))
    return capitals > 2 * sum(map(str.islower, folded))


def _is_headline(folded: str) -> bool:
    """Whether most words begin with a capital, as In English Headlines, so that one says nothing about the next."""
    words = _WORD.findall(folded[:200])
    return len(words) > 3 and 10 * sum(word[0].isupper() for word in words) > 7 * len(words)


def _fits_case(folded: str, start: int, end: int, name: Name, *, shouting: bool) -> bool:
    match name.case:
        case Case.ANY:
            return True
        case Case.EXACT:
            return folded[start:end] == name.text and not (shouting and name.text in ("US", "AS", "CAR"))
        case Case.CAPITAL:
            return not folded[start].islower()


def _stands_alone(lowered: str, start: int, end: int) -> bool:
    first = lowered[start]
    if is_han(first):
        return True
    before = _letters_before(lowered, start)
    after = _letters_after(lowered, end)
    if is_arabic(first):
        return bool(_ARABIC_BEFORE.fullmatch(before) and _ARABIC_AFTER.fullmatch(after))
    return not before and bool(_HINDI_AFTER.fullmatch(after))


def _letters_before(lowered: str, start: int) -> str:
    at = start
    while at > 0 and start - at <= _LONGEST_AFFIX and is_letter(lowered[at - 1]):
        at -= 1
    return lowered[at:start]


def _letters_after(lowered: str, end: int) -> str:
    at = end
    while at < len(lowered) and at - end <= _LONGEST_AFFIX and is_letter(lowered[at]):
        at += 1
    return lowered[end:at]


def _is_part_of_a_person(folded: str, start: int, end: int, ambiguity: Ambiguity, *, headline: bool) -> bool:
    return (ambiguity.person and _follows_first_name(folded, start)) or (
        ambiguity.first_name and not headline and _precedes_surname(folded, end)
    )


def _follows_first_name(folded: str, start: int) -> bool:
    """Whether a word with a capital stands directly before, as in Michael Jordan; not at the start of a sentence."""
    if start < 2 or folded[start - 1] != " ":
        return False
    before = folded[max(0, start - 41) : start - 1].split(" ")[-1]
    named = before.isalpha() and before[0].isupper() and not before.isupper()
    return named and before.lower() not in words_before_places()


def _precedes_surname(folded: str, end: int) -> bool:
    """Whether a word with a capital follows directly, as in Jordan Peterson, that is not the next name or a title."""
    if end + 1 >= len(folded) or folded[end] != " ":
        return False
    after = _WORD.match(folded, end + 1)
    if after is None:
        return False
    word = after[0]
    return word[0].isupper() and not word.isupper() and word.lower() not in words_after_places()
