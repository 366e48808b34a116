"""An article becomes the token windows the model reads: every window begins with the title."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

# A title is repeated before every window, so a hostile one must not crowd the text out.
TITLE_TOKENS = 40
# Windows read of one article: with the shipped model's stride about 3,500 tokens, five times a long news item.
MAX_WINDOWS = 32
# Upper bound of characters looked at per token that can be used. The longest runs of ordinary text take about
# six; the rest of a hostile text is not worth tokenizing.
CHARACTERS_PER_TOKEN = 16
# What may close a title, in the scripts the model reads.
TERMINAL = tuple(".!?…。！？؟।۔")

Offsets = npt.NDArray[np.int32]


class Tokenizer(Protocol):
    """The three things needed of transformers' tokenizers."""

    @property
    def cls_token_id(self) -> int | None: ...

    @property
    def sep_token_id(self) -> int | None: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


@runtime_checkable
class PlacingTokenizer(Protocol):
    """transformers' fast tokenizers also know where in the text a token stands."""

    @property
    def is_fast(self) -> bool: ...

    def __call__(self, text: str, *, add_special_tokens: bool, return_offsets_mapping: bool) -> Any: ...


@dataclass(frozen=True)
class PlacedTokens:
    """Token ids of a text with single white space, and where in it each begins and has ended: [tokens, 2]."""

    ids: list[int]
    offsets: Offsets | None
    """None where the tokenizer cannot say."""


@dataclass(frozen=True)
class ReadArticle:
    """An article's windows, and what leads from a place in a window back to the title or the text.

    Each window holds `specials` special tokens, the `title`'s tokens, then those of the `text` that its stretch
    (first token, and the one after the last) says.
    """

    windows: list[list[int]]
    title: PlacedTokens
    text: PlacedTokens
    stretches: list[tuple[int, int]]
    specials: int

    def specials_around(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after what a window says."""
        start, end = self.stretches[0]
        said = len(self.title.ids) + end - start
        return self.windows[0][: self.specials], self.windows[0][self.specials + said :]


def close_title(title: str) -> str:
    """The title with a full stop, unless it has terminal punctuation already; empty stays empty."""
    title = " ".join(title.split())
    if not title or title.endswith(TERMINAL):
        return title
    return title + "."


def read_windows(
    title: str | None,
    text: str,
    tokenizer: Tokenizer,
    *,
    window_tokens: int,
    window_stride: int,
    max_windows: int = MAX_WINDOWS,
) -> list[list[int]]:
    """Token ids of each window, special tokens included, in reading order; at least one window.

    A window is <s>, the closed title (at most TITLE_TOKENS), up to `window_tokens` tokens of the text, </s>.
    Windows start every `window_stride` tokens; the last one ends with the text. Text beyond `max_windows`
    windows is not read. Raises ValueError when there is neither title nor text.
    """
    return read_article(
        title,
        text,
        tokenizer,
        window_tokens=window_tokens,
        window_stride=window_stride,
        max_windows=max_windows,
        places=False,
    ).windows


def read_article(
    title: str | None,
    text: str,
    tokenizer: Tokenizer,
    *,
    window_tokens: int,
    window_stride: int,
    max_windows: int = MAX_WINDOWS,
    places: bool = True,
) -> ReadArticle:
    """The windows of `read_windows`, and with `places` where their tokens stand in title and text."""
    usable = window_tokens + (max_windows - 1) * window_stride
    head = _encode(
        close_title((title or "")[: TITLE_TOKENS * CHARACTERS_PER_TOKEN]), tokenizer, TITLE_TOKENS, places=places
    )
    body = _encode(" ".join(text[: usable * CHARACTERS_PER_TOKEN].split()), tokenizer, usable, places=places)
    if not head.ids and not body.ids:
        raise ValueError("the article has neither a title nor a text")
    stretches = [
        (start, min(start + window_tokens, len(body.ids)))
        for start in window_starts(len(body.ids), window_tokens, window_stride)
    ]
    first = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    last = [] if tokenizer.sep_token_id is None else [tokenizer.sep_token_id]
    return ReadArticle(
        windows=[[*first, *head.ids, *body.ids[start:end], *last] for start, end in stretches],
        title=head,
        text=body,
        stretches=stretches,
        specials=len(first),
    )


def window_starts(tokens: int, window_tokens: int, window_stride: int) -> list[int]:
    """Where the windows over `tokens` tokens begin: every token lies in a window, none reaches past the end."""
    if window_tokens < 1 or not 1 <= window_stride <= window_tokens:
        raise ValueError("a window needs at least one token, and a stride between one and its length")
    last = max(tokens - window_tokens, 0)
    return [*range(0, last, window_stride), last]


def _encode(text: str, tokenizer: Tokenizer, most: int, *, places: bool) -> PlacedTokens:
    if not text:
        return PlacedTokens([], np.zeros((0, 2), dtype=np.int32) if places else None)
    if places and isinstance(tokenizer, PlacingTokenizer) and tokenizer.is_fast:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids: Sequence[int] = encoded["input_ids"]
        return PlacedTokens(list(ids[:most]), np.array(encoded["offset_mapping"][:most], dtype=np.int32).reshape(-1, 2))
    return PlacedTokens(tokenizer.encode(text, add_special_tokens=False)[:most], None)
