"""Each country that an article names becomes numbers that say what it may have to do with the news."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from tocsin_classify.gazetteer.fold import fold, is_han, lower
from tocsin_classify.gazetteer.name import Kind
from tocsin_classify.gazetteer.role_words import chinese_role_words, role_words
from tocsin_classify.gazetteer.search import Found, Gazetteer
from tocsin_classify.gazetteer.settle_names import Passage, settle_names

BRIEF_CHARS = 700
"""Up to this length a text is an item of a few sentences, where nearly every country named plays a part."""

_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE_END = re.compile(r"[.!?؟।][\"'»”)\]]* |[。！？]")
_TOKEN = re.compile(r"[\w']+|[.;:!?()،。；]")
_STOPS = frozenset(".;!?()。；")
_OLD_YEAR = re.compile(r"\b(?:1[0-9]\d\d|200\d)\b")
_ARABIC_IN = re.compile(r"[وف]?ب(?:ال)?$")
_BEFORE, _AFTER = 48, 72
_WORDS_AFTER = {"says": 7, "official": 4, "force": 4, "person": 3, "like": 2, "past": 3}
_WORDS_BEFORE = {"official": 3, "like": 3, "past": 2, "force": 3, "person": 2}
_ARTICLES = frozenset(("the", "la", "el", "le", "les", "l", "o", "a", "os", "as", "los", "las", "al"))
_JOINTS = frozenset((
    ", ", " and ", ", and ", " y ", " et ", " e ", " и ", " та ", " и в ", " ve ", " dan ", " na ", " और ", " و", "، ",
    " و ", "、", "和", "与", "及", " i ", " & ", "/", " or ",
))  # fmt: skip

FEATURES = (
    "title", "first_sentence", "lead", "position", "share", "count", "rank_first", "top_share", "only", "rivals",
    "sentences", "paragraphs", "country", "people", "capital", "city", "actor", "only_people", "only_capital",
    "only_actor", "in", "in_all", "says", "says_all", "government_capital", "official", "official_all", "force",
    "person", "person_all", "past", "past_all", "like", "listed", "listed_all", "brackets", "only_late", "once",
    "title_other", "lead_in", "lead_says",
)  # fmt: skip
"""What `Candidate.features` hold, in this order; each about 0 to 1, so that the weights can be compared."""


@dataclass(frozen=True)
class Candidate:
    """A country that the article names `count` times; `features` are those of FEATURES."""

    country: str
    count: int
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Sighting:
    """A mention, the passage it stands in (0 is the title), its sentence, and where in the text it is, 0 to 1."""

    mention: Found
    passage: int
    sentence: int
    position: float
    flags: frozenset[str]


def read_candidates(title: str, text: str, gazetteer: Gazetteer) -> tuple[list[Candidate], bool]:
    """Return the countries in the order of their first mention, and whether the text is brief. Time is linear."""
    folded = [fold(title), *(fold(part) for part in _PARAGRAPH.split(text) if part.strip())]
    passages = settle_names([Passage(part, gazetteer.find_folded(part)) for part in folded])
    chars = sum(len(passage.folded) for passage in passages[1:])
    seen = _look(passages, max(chars, 1))
    brief = chars <= BRIEF_CHARS
    total = sum(len(sightings) for sightings in seen.values())
    most = max((len(sightings) for sightings in seen.values()), default=1)
    paragraphs = max(len(passages) - 1, 1)
    in_title = {country for country, sightings in seen.items() if any(s.passage == 0 for s in sightings)}
    sentences = max((s.sentence for sightings in seen.values() for s in sightings), default=0) + 1
    candidates = []
    for rank, (country, sightings) in enumerate(seen.items()):
        values = _describe(
            sightings,
            total=total,
            most=most,
            paragraphs=paragraphs,
            sentences=sentences,
            rivals=len(seen) - 1,
            first=rank == 0,
            titled_others=bool(in_title - {country}),
        )
        candidates.append(Candidate(country, len(sightings), values))
    return candidates, brief


def _look(passages: Sequence[Passage], chars: int) -> dict[str, list[_Sighting]]:
    """Return the sightings of each country, in the order of the countries' first mention."""
    seen: dict[str, list[_Sighting]] = {}
    sentence = read = 0
    for number, passage in enumerate(passages):
        lowered = lower(passage.folded)
        ends = [match.end() for match in _SENTENCE_END.finditer(lowered)]
        previous: Found | None = None
        for index, mention in enumerate(passage.mentions):
            following = passage.mentions[index + 1] if index + 1 < len(passage.mentions) else None
            flags = _flags(lowered, mention) | _listed(lowered, previous, mention, following)
            seen.setdefault(mention.country, []).append(
                _Sighting(
                    mention,
                    number,
                    sentence + bisect_right(ends, mention.start),
                    0.0 if number == 0 else (read + mention.start) / chars,
                    flags,
                )
            )
            previous = mention
        if number:
            sentence += len(ends) + 1
            read += len(passage.folded)
    return seen


def _flags(lowered: str, mention: Found) -> frozenset[str]:
    """Return the kinds of words around a mention; looks at a bounded part of the text."""
    before = lowered[max(0, mention.start - _BEFORE) : mention.start]
    after = lowered[mention.end : mention.end + _AFTER]
    flags = set()
    if is_han(lowered[mention.start]):
        for kind, words in chinese_role_words().items():
            near = before[-4:] if kind == "in" else after[:14] if kind == "says" else after[:6]
            if any(word in near for word in words):
                flags.add("in" if kind == "in_after" else kind)
    else:
        kinds = role_words()
        left = _TOKEN.findall(before)
        right = _TOKEN.findall(after)
        nearest = [token for token in left[-3:] if token not in _ARTICLES][-1:]
        if set(right[:1]) & kinds["in_after"] or set(nearest) & kinds["in"] or _ARABIC_IN.search(before):
            flags.add("in")
        for kind, reach in _WORDS_AFTER.items():
            for token in right[:reach]:
                if token in _STOPS:
                    break
                if token in kinds[kind]:
                    flags.add(kind)
        for kind, reach in _WORDS_BEFORE.items():
            for token in reversed(left[-reach:]):
                if token in _STOPS:
                    break
                if token in kinds[kind]:
                    flags.add(kind)
    if "(" in before and ")" not in before[before.rfind("(") :]:
        flags.add("brackets")
    if _OLD_YEAR.search(before) or _OLD_YEAR.search(after):
        flags.add("past")
    return frozenset(flags)


def _listed(lowered: str, previous: Found | None, mention: Found, following: Found | None) -> frozenset[str]:
    """Whether the country stands in a list of countries."""
    if previous and previous.country != mention.country and lowered[previous.end : mention.start] in _JOINTS:
        return frozenset(("listed",))
    if following and following.country != mention.country and lowered[mention.end : following.start] in _JOINTS:
        return frozenset(("listed",))
    return frozenset()


def _describe(
    sightings: Sequence[_Sighting],
    *,
    total: int,
    most: int,
    paragraphs: int,
    sentences: int,
    rivals: int,
    first: bool,
    titled_others: bool,
) -> tuple[float, ...]:
    count = len(sightings)
    body = [sighting for sighting in sightings if sighting.passage]
    kinds = [sighting.mention.kind for sighting in sightings]

    def some(flag: str) -> float:
        return float(any(flag in sighting.flags for sighting in sightings))

    def every(flag: str) -> float:
        return float(all(flag in sighting.flags for sighting in sightings))

    def share(*wanted: Kind) -> float:
        return sum(kind in wanted for kind in kinds) / count

    titled = len(body) < count
    lead = [sighting for sighting in body if sighting.passage == 1]
    start = min((sighting.position for sighting in body), default=0.0)
    people, capital, actor = share(Kind.PEOPLE), share(Kind.CAPITAL), share(Kind.ACTOR)
    values = {
        "title": float(titled),
        "first_sentence": float(any(sighting.sentence == 0 for sighting in body)),
        "lead": float(bool(lead)),
        "position": start,
        "share": count / total,
        "count": min(log2(count + 1) / 4, 1.0),
        "rank_first": float(first),
        "top_share": count / most,
        "only": float(rivals == 0),
        "rivals": min(log2(rivals + 1) / 4, 1.0),
        "sentences": len({sighting.sentence for sighting in body}) / sentences,
        "paragraphs": len({sighting.passage for sighting in body}) / paragraphs,
        "country": float(any(kind in (Kind.COUNTRY, Kind.REGION) for kind in kinds)),
        "people": float(people > 0),
        "capital": float(capital > 0),
        "city": float(Kind.CITY in kinds),
        "actor": float(actor > 0),
        "only_people": float(people == 1),
        "only_capital": float(capital == 1),
        "only_actor": float(actor == 1),
        "in": some("in"),
        "in_all": every("in"),
        "says": some("says"),
        "says_all": every("says"),
        "government_capital": float(
            any(s.mention.kind is Kind.CAPITAL and "says" in s.flags and "in" not in s.flags for s in sightings)
        ),
        "official": some("official"),
        "official_all": every("official"),
        "force": some("force"),
        "person": some("person"),
        "person_all": every("person"),
        "past": some("past"),
        "past_all": every("past"),
        "like": some("like"),
        "listed": some("listed"),
        "listed_all": every("listed"),
        "brackets": every("brackets"),
        "only_late": float(not titled and start > 0.5),
        "once": float(count == 1),
        "title_other": float(titled_others and not titled),
        "lead_in": float(any("in" in sighting.flags for sighting in lead)),
        "lead_says": float(any("says" in sighting.flags for sighting in lead)),
    }
    return tuple(values[name] for name in FEATURES)
