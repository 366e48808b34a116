"""Finds names in a text, the longest first, at word boundaries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ahocorasick import Automaton

from tocsin_classify.gazetteer.collect_names import collect_names
from tocsin_classify.gazetteer.fold import fold, is_arabic, is_han, is_letter, lower
from tocsin_classify.gazetteer.name import Ambiguity, Case, Name
from tocsin_classify.gazetteer.tables import collect_ambiguities, country_names, words_before_places

# Arabic writes and, with, for, like and the article as part of the next word; endings mark gender and number.
_ARABIC_BEFORE = re.compile("[وف]?(?:[بلك]|ال|بال|كال|لل)?")
_ARABIC_AFTER = re.compile("(?:ه|ين|ون|ان|ات|يه|ها|هاي|يين|يون|ي)?")
_HINDI_AFTER = re.compile("(?:ी|ियों|ियो)?")
_LONGEST_AFFIX = 4


@dataclass(frozen=True)
class Found:
    """One mention of a country. `key` is the spelling it was found by."""

    country: str
    key: str
    ambiguity: Ambiguity | None


class Gazetteer:
    """All names in one automaton; a search is linear in the length of the text."""

    def __init__(self, names: list[Name], ambiguities: dict[str, Ambiguity], shown: dict[str, str]) -> None:
        self._automaton = Automaton()
        for name in names:
            self._automaton.add_word(name.key, name)
        self._automaton.make_automaton()
        self._ambiguities = ambiguities
        self.shown = shown

    def find(self, text: str) -> list[Found]:
        """Return the mentions in reading order, without those that are part of a longer name or of a person's."""
        folded = fold(text)
        shouting = _is_shouting(folded)
        mentions = []
        for start, name in self._longest(folded, shouting=shouting):
            if name.country is None:
                continue
            # Serbs are as ambiguous as Serb.
            ambiguity = self._ambiguities.get(name.key) or self._ambiguities.get(name.key.removesuffix("s"))
            if ambiguity and ambiguity.person and _follows_first_name(folded, start):
                continue
            mentions.append(Found(name.country, name.key, ambiguity))
        return mentions

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
    """Build the gazetteer once per process, which takes about a second."""
    return Gazetteer(collect_names(), collect_ambiguities(), country_names())


def _is_shouting(folded: str) -> bool:
    """Whether capitals say nothing here, because nearly all letters are capitals."""
    capitals = sum(map(str.isupper, folded))
    return capitals > 2 * sum(map(str.islower, folded))


def _fits_case(folded: str, start: int, end: int, name: Name, *, shouting: bool) -> bool:
    match name.case:
        case Case.ANY:
            return True
        case Case.EXACT:
            return folded[start:end] == name.text and not (shouting and name.text == "US")
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


def _follows_first_name(folded: str, start: int) -> bool:
    """Whether a word with a capital stands directly before, as in Michael Jordan; not at the start of a sentence."""
    if start < 2 or folded[start - 1] != " ":
        return False
    before = folded[max(0, start - 41) : start - 1].split(" ")[-1]
    named = before.isalpha() and before[0].isupper() and not before.isupper()
    return named and before.lower() not in words_before_places()
