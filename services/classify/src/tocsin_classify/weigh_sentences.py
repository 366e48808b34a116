"""Which sentences carry an article's level: what the model thinks of each in its window, and of the best ones alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin_classify.backend import WindowLogits
from tocsin_classify.locate_tokens import SingleSpaced, TokenPlaces
from tocsin_classify.pool_windows import Floats, median_level, softmax
from tocsin_classify.read_windows import PlacedTokens, ReadArticle
from tocsin_classify.split_sentences import split_sentences
from tocsin_contracts.classified import EvidencePart, EvidenceSentence
from tocsin_contracts.cut_line import cut_line
from tocsin_contracts.fields import MAX_EVIDENCE_CHARS

MOST: Final = 3
"""The bound of ClassifiedV1."""
NEAR: Final = 0.75
"""How far below the article's level the expected level of a further sentence may lie, in levels."""
READ_ALONE: Final = 4
"""Sentences read once more by themselves, so that a calm one does not stand for the news beside it. With more no
difference could be measured: of 55 full-length articles with labelled paragraphs, most of them trained on, the first
sentence shown stood in a paragraph that carries the level in 49 with 8, in 51 with 4.
"""
TOKENS_ALONE: Final = 128


@dataclass(frozen=True)
class Candidate:
    """A sentence at [start, end) of a part, its tokens, and the mean of their level logits [6]."""

    part: EvidencePart
    start: int
    end: int
    text: str
    ids: Sequence[int]
    logits: Floats

    @property
    def essence(self) -> str:
        """What it says, without case, punctuation and space."""
        return "".join(filter(str.isalnum, self.text)).casefold()


@dataclass(frozen=True)
class Candidates:
    """The sentences of an article that may carry its level, in reading order, and the windows to read them alone."""

    sentences: Sequence[Candidate]
    alone: Sequence[Sequence[int]]
    """Token ids, special tokens included, for each sentence; empty where a second opinion would change nothing."""


NO_CANDIDATES: Final = Candidates([], [])


def find_candidates(
    title: str, text: str, read: ReadArticle, logits: WindowLogits, *, level: int, temperature: float
) -> Candidates:
    """Return the at most READ_ALONE strongest sentences; none where the model says nothing of tokens.

    logits: those of the windows of `read`.

    In its window every token knows of the news around it, so that all sentences of a short text look alike. The
    READ_ALONE strongest are therefore read by themselves too, and the mean of both opinions counts: alone "It fell on
    Sunday" says little, in company "Shops were shut" says too much.
    """
    if logits.token_level is None:
        return NO_CANDIDATES
    windows = softmax(logits.level / temperature)
    expected = [float(level) for level in windows @ np.arange(windows.shape[1])]
    found = list(_candidates(title, text, read, logits.token_level, expected))
    if not found:
        return NO_CANDIDATES
    shares = softmax(np.stack([candidate.logits for candidate in found]) / temperature)
    strongest: dict[str, int] = {}
    for index in np.argsort(-shares[:, level:].sum(axis=1), kind="stable"):
        # A caption or a "read more" that repeats the headline must not take a place from another sentence.
        strongest.setdefault(found[index].essence, int(index))
        if len(strongest) == READ_ALONE:
            break
    kept = [found[index] for index in sorted(strongest.values())]
    if len(kept) < 2:
        return Candidates(kept, [])
    first, last = read.specials_around()
    return Candidates(kept, [[*first, *candidate.ids[:TOKENS_ALONE], *last] for candidate in kept])


def weigh_sentences(
    candidates: Candidates, alone: Floats | None, *, level: int, temperature: float
) -> list[EvidenceSentence]:
    """Return the one to three sentences that carry `level`, the strongest first; none of no candidates.

    alone: level logits [W, 6] of the windows that the candidates asked for, None where there are none. A sentence is
    as strong as it is sure to report `level` or more; of equals the higher one is stronger. The strongest always
    stands for the article; others must come near its level.
    """
    sentences = candidates.sentences
    if not sentences:
        return []
    logits = np.stack([candidate.logits for candidate in sentences])
    shares = softmax((logits if alone is None else np.mean([logits, alone], axis=0)) / temperature)
    # Less than a hundredth is no difference; of equals the one that is read first comes first.
    strengths = [round(float(strength), 2) for strength in shares[:, level:].sum(axis=1)]
    expected_levels = [round(float(own), 2) for own in shares @ np.arange(shares.shape[1])]
    order = sorted(range(len(sentences)), key=lambda index: (-strengths[index], -expected_levels[index], index))
    chosen: list[EvidenceSentence] = []
    for index in order:
        candidate = sentences[index]
        if len(chosen) == MOST:
            break
        if chosen and expected_levels[index] < level - NEAR:
            continue
        own = median_level(shares[index])
        chosen.append(
            EvidenceSentence(
                part=candidate.part,
                start=candidate.start,
                end=candidate.end,
                text=cut_line(candidate.text, MAX_EVIDENCE_CHARS),
                level=own,
                confidence=round(min(float(shares[index][own]), 1.0), 4),
            )
        )
    return chosen


def _candidates(
    title: str, text: str, read: ReadArticle, token_level: Sequence[Floats], expected: Sequence[float]
) -> Iterator[Candidate]:
    """The sentences that have letters and tokens, in reading order. token_level: [L, 6] for each window."""
    # The title stands whole in every window; it is taken in the company of the text that says most.
    strongest = int(np.argmax(expected))
    for start, end, first, after in _sentences(title, read.title):
        rows = token_level[strongest][read.specials + first : read.specials + after]
        ids = read.title.ids[first:after]
        yield Candidate(EvidencePart.TITLE, start, end, title[start:end], ids, rows.mean(axis=0))
    before = read.specials + len(read.title.ids)
    for start, end, first, after in _sentences(text, read.text):
        inside = [(max(first, begin), min(after, ended)) for begin, ended in read.stretches]
        best = max(range(len(inside)), key=lambda window: (inside[window][1] - inside[window][0], expected[window]))
        shift = before - read.stretches[best][0]
        rows = token_level[best][inside[best][0] + shift : inside[best][1] + shift]
        ids = read.text.ids[first:after]
        yield Candidate(EvidencePart.TEXT, start, end, text[start:end], ids, rows.mean(axis=0))


def _sentences(text: str, tokens: PlacedTokens) -> Iterator[tuple[int, int, int, int]]:
    """Where each sentence begins and has ended in the text, and among its tokens."""
    if tokens.offsets is None or not tokens.ids:
        return
    single, places = SingleSpaced(text), TokenPlaces(tokens.offsets)
    for start, end in split_sentences(text):
        first, after = places.within(*single.span(start, end))
        if first == len(tokens.ids):
            # From here on the text was not read.
            return
        if first < after and any(map(str.isalpha, text[start:end])):
            yield start, end, first, after
