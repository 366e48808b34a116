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
    """Raw logits of W windows: level [W, 6], direction [W, 3], topics [W, number of topics]."""

    level: Floats
    direction: Floats
    topics: Floats

    def of(self, start: int, end: int) -> "WindowLogits":
        """Return those of the windows from `start` to before `end`."""
        return WindowLogits(self.level[start:end], self.direction[start:end], self.topics[start:end])


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
