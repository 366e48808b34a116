"""An article becomes the token windows the model reads: every window begins with the title."""

from collections.abc import Sequence
from typing import Protocol

# A title is repeated before every window, so a hostile one must not crowd the text out.
TITLE_TOKENS = 40
# Windows read of one article: with the shipped model's stride about 3,500 tokens, five times a long news item.
MAX_WINDOWS = 32
# Upper bound of characters looked at per token that can be used. The longest runs of ordinary text take about
# six; the rest of a hostile text is not worth tokenizing.
CHARACTERS_PER_TOKEN = 16
# What may close a title, in the scripts the model reads.
TERMINAL = tuple(".!?…。！？؟।۔")


class Tokenizer(Protocol):
    """The three things needed of transformers' tokenizers."""

    @property
    def cls_token_id(self) -> int | None: ...

    @property
    def sep_token_id(self) -> int | None: ...

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


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
    usable = window_tokens + (max_windows - 1) * window_stride
    head = _encode(close_title((title or "")[: TITLE_TOKENS * CHARACTERS_PER_TOKEN]), tokenizer)[:TITLE_TOKENS]
    body = _encode(" ".join(text[: usable * CHARACTERS_PER_TOKEN].split()), tokenizer)[:usable]
    if not head and not body:
        raise ValueError("the article has neither a title nor a text")
    return [
        _with_specials(head + body[start : start + window_tokens], tokenizer)
        for start in window_starts(len(body), window_tokens, window_stride)
    ]


def window_starts(tokens: int, window_tokens: int, window_stride: int) -> list[int]:
    """Where the windows over `tokens` tokens begin: every token lies in a window, none reaches past the end."""
    if window_tokens < 1 or not 1 <= window_stride <= window_tokens:
        raise ValueError("a window needs at least one token, and a stride between one and its length")
    last = max(tokens - window_tokens, 0)
    return [*range(0, last, window_stride), last]


def _encode(text: str, tokenizer: Tokenizer) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False) if text else []


def _with_specials(ids: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    first = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    last = [] if tokenizer.sep_token_id is None else [tokenizer.sep_token_id]
    return [*first, *ids, *last]
