"""Decides what names with several meanings mean, by the rest of the article."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tocsin_classify.gazetteer.fold import lower
from tocsin_classify.gazetteer.name import Kind
from tocsin_classify.gazetteer.search import Found

CUE_CHARS = 120
"""How far from a name a cue may stand: about a sentence."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Passage:
    """A title or a paragraph, folded, with the mentions in it."""

    folded: str
    mentions: list[Found]


def settle_names(passages: Sequence[Passage]) -> list[Passage]:
    """Return the passages with what their names mean here, an actor's once for each home; linear in their length.

    An ambiguous name stands for its country where the text names that country by a clear name too. Else a cue near it
    decides, else it counts for nothing when a rival is named clearly.
    """
    clear = Counter(mention.country for passage in passages for mention in passage.mentions if _is_clear(mention))
    wanted = frozenset().union(
        *(m.ambiguity.needs for passage in passages for m in passage.mentions if m.ambiguity and m.ambiguity.needs)
    )
    words = {word for passage in passages for word in _WORD.findall(lower(passage.folded))} if wanted else set()
    settled = []
    for passage in passages:
        kept: list[Found] = []
        lowered = lower(passage.folded)
        for mention in passage.mentions:
            kept.extend(_meanings(mention, lowered, clear, words))
        settled.append(Passage(passage.folded, kept))
    return settled


def _is_clear(mention: Found) -> bool:
    if mention.kind is Kind.ACTOR:
        return False
    ambiguity = mention.ambiguity
    return ambiguity is None or not (ambiguity.rivals or ambiguity.needs)


def _meanings(mention: Found, lowered: str, clear: Counter[str], words: set[str]) -> list[Found]:
    if mention.also:
        homes = (mention.country, *mention.also)
        named = [home for home in homes if clear[home]]
        return [replace(mention, country=home) for home in named or homes]
    ambiguity = mention.ambiguity
    if ambiguity is None or (clear[mention.country] and not ambiguity.needs):
        return [mention]
    if ambiguity.needs and words.isdisjoint(ambiguity.needs):
        return []
    if ambiguity.cues:
        near = lowered[max(0, mention.start - CUE_CHARS) : mention.end + CUE_CHARS]
        there = {*_WORD.findall(near)}
        for cue, country in ambiguity.cues:
            if cue in there or (" " in cue and cue in near):
                return [replace(mention, country=country)]
    return [] if any(clear[rival] for rival in ambiguity.rivals) else [mention]
