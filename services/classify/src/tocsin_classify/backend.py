"""What a model must be able to do, whatever library computes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.read_windows import Tokenizer

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WindowLogits:
    """Raw logits of W windows: level [W, 6], direction [W, 3], topics [W, number of topics].

    A model may also say whether a window is news at all, `news` [W, 1], and how its tokens add to its level,
    `token_level`: for each window [L, 6], special tokens included.
    """

    level: Floats
    direction: Floats
    topics: Floats
    news: Floats | None = None
    token_level: tuple[Floats, ...] | None = None

    def of(self, start: int, end: int) -> "WindowLogits":
        """Return those of the windows from `start` to before `end`."""
        return WindowLogits(
            self.level[start:end],
            self.direction[start:end],
            self.topics[start:end],
            None if self.news is None else self.news[start:end],
            None if self.token_level is None else self.token_level[start:end],
        )


class Backend(Protocol):
    """A loaded model. Used by one thread at a time."""

    @property
    def settings(self) -> ModelSettings:
        """What the model says about itself."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to token ids."""
        ...

    def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
        """Return the logits of the windows (token ids, special tokens included), in their order.

        The logits of a window depend on that window alone, never on its neighbours: a replayed article gets the
        same tags. Any exception means that at least one window could not be computed.
        """
        ...

    def close(self) -> None:
        """Release threads and memory."""
        ...
