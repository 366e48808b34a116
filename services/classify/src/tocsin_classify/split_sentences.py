"""Text becomes sentences, in the scripts the model reads. Linear in the length of the text, whatever the text."""

import re
from typing import Final

Span = tuple[int, int]
"""Where a sentence begins, and where it has ended."""

_CLOSERS: Final = re.escape("\"'”’»)]}）】」』›〉》＂")
_SOFT: Final = ".!?…"
"""Stops that end a sentence only before white space: they also stand in numbers, names and addresses."""
_HARD: Final = "。！？｡؟۔।॥"
"""Stops that end a sentence wherever they stand: they have no other use."""

# Every alternative takes all it can and demands nothing after it, so that nothing is read twice.
_MARK: Final = re.compile(
    # In German and Ukrainian “ closes a quotation, in Chinese it opens one.
    rf"(?P<soft>[{re.escape(_SOFT)}]+[{_CLOSERS}“]*)|(?P<hard>[{_HARD}][{_HARD}{re.escape(_SOFT)}]*[{_CLOSERS}]*)|(?P<space>\s+)"
)
_LINE_ENDS: Final = re.compile("[\n\r\v\f\x85\u2028\u2029]")
_VISIBLE: Final = re.compile(r"\S")

_LONGEST_ABBREVIATION: Final = 12
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
"""`J`, `U.S`, `т.е`: what stands before the last stop of initials."""
_NUMBER: Final = re.compile(r"[(\[]?\d{1,3}")
_ABBREVIATED_NAMES: Final = (
    "mr mrs ms dr prof rev hon gen col lt maj capt cpl sgt cmdr adm gov sen rep pres st mt ft vs inc ltd corp dept al "
    "ee.uu sra srta sr dra gral cnel cap tte av avda ud uds ing lic exmo exma mme mlle "
    "гг ул им обл см ср проф акад ген кап вул чол ім bkz çev doç org alb yzb bpk sdr kol kapt jend jl drs ir bw bi"
)
_ABBREVIATED_COUNTS: Final = (
    "no nos nr art fig vol p pp jan feb mar apr jun jul aug sep sept oct nov dec núm pág стр рис см hlm tgl"
)
_BEFORE_NAMES: Final = frozenset(_ABBREVIATED_NAMES.split())
_BEFORE_NUMBERS: Final = frozenset(_ABBREVIATED_COUNTS.split())


def split_sentences(text: str) -> list[Span]:
    """Return the spans of the sentences of `text`, in order.

    They do not overlap, begin and end with a visible character, and together hold every visible character. A blank
    line ends a sentence, and so does a line end, unless the next line goes on in lower case. Stops, and the quotes
    and brackets that close after them, belong to the sentence they end.
    """
    spans: list[Span] = []
    first = _VISIBLE.search(text)
    if first is None:
        return spans
    start = first.start()
    for mark in _MARK.finditer(text, start):
        begin, end = mark.span()
        if begin < start:
            continue
        if mark.lastgroup == "space":
            if begin == start:
                # What follows a sentence that has ended.
                start = end
            elif end < len(text) and _breaks_line(mark.group(), text[end]):
                spans.append((start, begin))
                start = end
        elif mark.lastgroup == "hard" or _ends_sentence(text, start, begin, end):
            spans.append((start, end))
            start = end
    rest = text[start:].rstrip()
    if rest:
        spans.append((start, start + len(rest)))
    return spans


def _breaks_line(space: str, following: str) -> bool:
    ends = len(_LINE_ENDS.findall(space.replace("\r\n", "\n")))
    return ends > 1 or (ends == 1 and not following.islower())


def _ends_sentence(text: str, start: int, stop: int, end: int) -> bool:
    """Whether the soft stop at `stop`, closed at `end`, is the end of the sentence that began at `start`."""
    following = _VISIBLE.search(text, end)
    if following is None:
        return True
    if following.start() == end:
        return False
    if following.group().islower():
        return False
    if text[stop:end] != ".":
        return True
    if _LINE_ENDS.search(text, end, following.start()):
        return True
    before = text[max(start, stop - _LONGEST_ABBREVIATION - 1) : stop].split()
    word = before[-1] if before and not text[stop - 1].isspace() else ""
    if _NUMBER.fullmatch(word) and text[start:stop] == word:
        # The number of an item in a list.
        return False
    word = word.lstrip("\"'“”‘’«„([{")
    if following.group().isdigit() and word.casefold() in _BEFORE_NUMBERS:
        return False
    return not (_INITIALS.fullmatch(word) or word.casefold() in _BEFORE_NAMES)
