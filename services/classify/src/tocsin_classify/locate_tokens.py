"""Where in a text with single white space a stretch of the original stands, and which tokens it is made of."""

import re
from bisect import bisect_right

import numpy as np

from tocsin_classify.read_windows import Offsets

_WORD = re.compile(r"\S+")


class SingleSpaced:
    """Maps positions of visible characters of a text to those of `" ".join(text.split())`."""

    def __init__(self, text: str) -> None:
        """Find the words of `text`; takes time linear in its length."""
        self._from: list[int] = []
        self._to: list[int] = []
        reached = 0
        for word in _WORD.finditer(text):
            self._from.append(word.start())
            self._to.append(reached)
            reached += word.end() - word.start() + 1

    def position(self, original: int) -> int:
        """Return where the visible character at `original` stands."""
        word = bisect_right(self._from, original) - 1
        return self._to[word] + original - self._from[word]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of what begins at the visible `start` and whose last visible character is before `end`."""
        return self.position(start), self.position(end - 1) + 1


class TokenPlaces:
    """Where tokens stand, in reading order, to be asked which make up a span."""

    def __init__(self, offsets: Offsets) -> None:
        """Take where each token begins and has ended: [tokens, 2]."""
        # Some tokens have no extent; they take the place they stand at.
        self._begins = np.maximum.accumulate(offsets[:, 0])
        self._ends = np.maximum.accumulate(offsets[:, 1])

    def within(self, start: int, end: int) -> tuple[int, int]:
        """Return the first token with a part in [start, end), and the one after the last; the same for none.

        A token of two sentences belongs to both.
        """
        first = int(np.searchsorted(self._ends, start, side="right"))
        after = int(np.searchsorted(self._begins, end, side="left"))
        return first, max(first, after)
