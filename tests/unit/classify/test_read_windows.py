"""How an article is cut into the windows the model reads."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_classify.read_windows import TITLE_TOKENS, close_title, read_article, read_windows, window_starts

pytestmark = pytest.mark.unit

FIRST, LAST = 1_000_000, 1_000_001


class WordTokenizer:
    """One token a word; the token is the number the word spells, or its length."""

    cls_token_id = FIRST
    sep_token_id = LAST

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        assert not add_special_tokens
        return [int(word) if word.isdigit() else len(word) for word in text.split()]


def numbers(count: int) -> str:
    return " ".join(str(number) for number in range(100, 100 + count))


def test_a_short_article_is_one_window_of_title_and_text() -> None:
    windows = read_windows("Calm returns", "100 101", WordTokenizer(), window_tokens=8, window_stride=6)
    assert windows == [[FIRST, 4, 8, 100, 101, LAST]]


def test_every_window_begins_with_the_title() -> None:
    windows = read_windows("Calm returns", numbers(20), WordTokenizer(), window_tokens=8, window_stride=6)
    assert len(windows) == 3
    assert all(window[:3] == [FIRST, 4, 8] and window[-1] == LAST for window in windows)


def test_the_last_window_ends_with_the_text() -> None:
    windows = read_windows(None, numbers(20), WordTokenizer(), window_tokens=8, window_stride=6)
    assert windows[-1] == [FIRST, *range(112, 120), LAST]


def test_an_article_of_a_title_alone_is_one_window() -> None:
    assert read_windows("War", "", WordTokenizer(), window_tokens=8, window_stride=6) == [[FIRST, 4, LAST]]


@pytest.mark.parametrize(("title", "text"), [(None, ""), ("", "  \n "), ("  ", "")])
def test_an_article_without_words_is_refused(title: str | None, text: str) -> None:
    with pytest.raises(ValueError, match="neither a title nor a text"):
        read_windows(title, text, WordTokenizer(), window_tokens=8, window_stride=6)


def test_a_hostile_title_leaves_room_for_the_text() -> None:
    windows = read_windows("word " * 10_000, "100 101", WordTokenizer(), window_tokens=8, window_stride=6)
    assert windows == [[FIRST, *[4] * TITLE_TOKENS, 100, 101, LAST]]


def test_a_huge_text_is_read_up_to_the_bound() -> None:
    windows = read_windows(None, numbers(50_000), WordTokenizer(), window_tokens=8, window_stride=6, max_windows=4)
    assert len(windows) == 4
    assert windows[-1] == [FIRST, *range(118, 126), LAST]


@pytest.mark.parametrize(
    ("title", "closed"),
    [
        ("Talks fail", "Talks fail."),
        ("Will it hold?", "Will it hold?"),
        ("停火了。", "停火了。"),
        ("هل تصمد الهدنة؟", "هل تصمد الهدنة؟"),
        ("  a \n b ", "a b."),
        ("", ""),
    ],
)
def test_a_title_gets_a_full_stop_only_where_it_has_none(title: str, closed: str) -> None:
    assert close_title(title) == closed


@given(tokens=st.integers(0, 2000), window=st.integers(1, 300), data=st.data())
@settings(max_examples=60, deadline=None)
def test_windows_cover_every_token_and_none_beyond(tokens: int, window: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, window))
    starts = window_starts(tokens, window, stride)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    covered = {place for start in starts for place in range(start, min(start + window, tokens))}
    assert covered == set(range(tokens))
    assert starts[-1] + window <= max(tokens, window)


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (8, 0), (8, 9)])
def test_a_stride_that_would_skip_text_is_refused(window: int, stride: int) -> None:
    with pytest.raises(ValueError, match="stride"):
        window_starts(100, window, stride)


def test_tokens_know_their_place_and_the_windows_are_those_without_places() -> None:
    backend = load_onnx_backend(Path(__file__).parents[2] / "fixtures" / "tiny-model", threads=1)
    text = "An  ambush\nnear\tthe river. " * 9
    plain = read_windows("War  talk", text, backend.tokenizer, window_tokens=16, window_stride=12)
    read = read_article("War  talk", text, backend.tokenizer, window_tokens=16, window_stride=12)
    backend.close()
    assert read.windows == plain
    assert read.title.offsets is not None
    assert read.text.offsets is not None
    assert ["War talk."[start:end] for start, end in read.title.offsets] == ["War", "talk", "."]
    single = " ".join(text.split())
    assert [single[start:end] for start, end in read.text.offsets[:7]] == [
        "An",
        "ambush",
        "near",
        "the",
        "river",
        ".",
        "An",
    ]
    assert len(read.text.ids) == len(read.text.offsets)
    for window, (start, end) in zip(read.windows, read.stretches, strict=True):
        assert window[read.specials + len(read.title.ids) : -1] == read.text.ids[start:end]


def test_a_tokenizer_that_knows_no_places_is_read_all_the_same() -> None:
    read = read_article("Calm returns", "100 101", WordTokenizer(), window_tokens=8, window_stride=6)
    assert read.windows == [[FIRST, 4, 8, 100, 101, LAST]]
    assert (read.title.offsets, read.text.offsets) == (None, None)
