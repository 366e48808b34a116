"""Which sentences carry an article's level, from what the model already computed for its windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tocsin_classify.backend import WindowLogits
from tocsin_classify.locate_tokens import SingleSpaced, TokenPlaces
from tocsin_classify.pool_windows import Floats, median_level, softmax
from tocsin_classify.read_windows import PlacedTokens, ReadArticle
from tocsin_classify.split_sentences import split_sentences
from tocsin_classify.tag_article import cut_line
from tocsin_contracts.classified import EvidencePart, EvidenceSentence
from tocsin_contracts.fields import MAX_EVIDENCE_CHARS

MOST: Final = 3
"""The bound of ClassifiedV1."""
NEAR: Final = 0.75
"""How far below the article's level the expected level of a further sentence may lie, in levels."""


@dataclass(frozen=True)
class Candidate:
    """A sentence at [start, end) of a part, and the mean level logits [6] of its tokens."""

    part: EvidencePart
    start: int
    end: int
    text: str
    logits: Floats


def weigh_sentences(
    title: str, text: str, read: ReadArticle, logits: WindowLogits, *, level: int, temperature: float
) -> list[EvidenceSentence]:
    """Return the one to three sentences that carry `level`, the strongest first; none where nothing is known of them.

    logits: those of the windows of `read`, or of the first of them. A sentence is as strong as it is sure to report
    `level` or more, by the mean of its tokens in the window where it stands most wholly; of equals the higher one is
    stronger. The strongest always stands for the article; others must come near its level, and say something else.
    """
    if logits.token_level is None:
        return []
    windows = softmax(logits.level / temperature)
    expected = [float(level) for level in windows @ np.arange(windows.shape[1])]
    candidates = list(_candidates(title, text, read, logits.token_level, expected))
    if not candidates:
        return []
    shares = softmax(np.stack([candidate.logits for candidate in candidates]) / temperature)
    # Less than a hundredth is no difference; of equals the one that is read first comes first.
    strengths = [round(float(strength), 2) for strength in shares[:, level:].sum(axis=1)]
    expected_levels = [round(float(own), 2) for own in shares @ np.arange(shares.shape[1])]
    order = sorted(range(len(candidates)), key=lambda index: (-strengths[index], -expected_levels[index], index))
    chosen: list[EvidenceSentence] = []
    said: set[str] = set()
    for index in order:
        candidate = candidates[index]
        if len(chosen) == MOST:
            break
        if chosen and expected_levels[index] < level - NEAR:
            continue
        essence = "".join(filter(str.isalnum, candidate.text)).casefold()
        if essence in said:
            continue
        said.add(essence)
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
        yield Candidate(EvidencePart.TITLE, start, end, title[start:end], rows.mean(axis=0))
    stretches = read.stretches[: len(token_level)]
    before = read.specials + len(read.title.ids)
    for start, end, first, after in _sentences(text, read.text):
        inside = [(max(first, begin), min(after, ended)) for begin, ended in stretches]
        if all(begin >= ended for begin, ended in inside):
            # Beyond the windows that were read.
            return
        best = max(range(len(inside)), key=lambda window: (inside[window][1] - inside[window][0], expected[window]))
        shift = before - stretches[best][0]
        rows = token_level[best][inside[best][0] + shift : inside[best][1] + shift]
        yield Candidate(EvidencePart.TEXT, start, end, text[start:end], rows.mean(axis=0))


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
