"""Which sentences are shown for a level, and where they stand in the article."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.backend import Floats, WindowLogits
from tocsin_classify.onnx_backend import OnnxBackend, load_onnx_backend
from tocsin_classify.read_windows import ReadArticle, read_article
from tocsin_classify.weigh_sentences import MOST, READ_ALONE, find_candidates, weigh_sentences
from tocsin_contracts.classified import EvidencePart, EvidenceSentence
from tocsin_contracts.fields import MAX_EVIDENCE_CHARS

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"


@pytest.fixture(scope="module")
def backend() -> Iterator[OnnxBackend]:
    loaded = load_onnx_backend(TINY, threads=1)
    yield loaded
    loaded.close()


ReadAlone = Callable[[Sequence[Sequence[int]]], Floats]
"""Windows of token ids to their level logits [W, 6]."""


def explain(
    title: str,
    text: str,
    read: ReadArticle,
    logits: WindowLogits,
    read_alone: ReadAlone,
    *,
    level: int,
    temperature: float = 1.0,
) -> list[EvidenceSentence]:
    candidates = find_candidates(title, text, read, logits, level=level, temperature=temperature)
    alone = read_alone(candidates.alone) if candidates.alone else None
    return weigh_sentences(candidates, alone, level=level, temperature=temperature)


def weigh(backend: OnnxBackend, title: str, text: str, level: int = 5) -> list[EvidenceSentence]:
    model = backend.settings
    read = read_article(
        title, text, backend.tokenizer, window_tokens=model.window_tokens, window_stride=model.window_stride
    )
    logits = backend.infer(read.windows)
    found = explain(
        title,
        text,
        read,
        logits,
        lambda windows: backend.infer(windows).level,
        level=level,
        temperature=model.level_temperature,
    )
    for sentence in found:
        part = title if sentence.part is EvidencePart.TITLE else text
        assert " ".join(part[sentence.start : sentence.end].split()).startswith(sentence.text.removesuffix("…"))
    return found


def never(windows: Sequence[Sequence[int]]) -> Floats:
    raise AssertionError(f"{len(windows)} windows were read once more")


def texts(found: list[EvidenceSentence]) -> list[str]:
    return [sentence.text for sentence in found]


def test_the_sentence_that_carries_the_level_is_found_among_others(backend: OnnxBackend) -> None:
    quiet = "People met in the square. " * 8
    (found,) = weigh(backend, "Notes from Velm", f"{quiet}\n\nThen  came\nwar to the town. {quiet}")
    assert (found.part, found.text, found.level) == ("text", "Then came war to the town.", 5)
    assert found.confidence > 0.9


def test_sentences_are_listed_by_their_strength_and_not_far_below_the_level(backend: OnnxBackend) -> None:
    found = weigh(backend, "An offensive", "A dispute. An ambush here. It is war now! Offensive again, war again.", 4)
    assert texts(found) == ["It is war now!", "Offensive again, war again.", "An offensive"]
    assert [sentence.level for sentence in found][::2] == [5, 4]


def test_a_lone_strong_sentence_stands_alone(backend: OnnxBackend) -> None:
    assert texts(weigh(backend, "Football", "A dispute. War. An ultimatum.")) == ["War."]


def test_at_most_three_are_listed_the_earliest_first_where_they_are_equal(backend: OnnxBackend) -> None:
    found = weigh(backend, "", "One war. Two war. Three war. Four war.")
    assert texts(found) == ["One war.", "Two war.", "Three war."]


def test_what_the_title_said_is_not_listed_again(backend: OnnxBackend) -> None:
    assert texts(weigh(backend, "War in Velm", "WAR IN VELM. War it is.")) == ["War in Velm", "War it is."]


def test_what_repeats_takes_no_place_from_other_sentences(backend: OnnxBackend) -> None:
    text = "WAR IN VELM. War in Velm! War in Velm. War in Velm? War it is. It is war now! War came."
    assert texts(weigh(backend, "War in Velm", text)) == ["War in Velm", "War it is.", "It is war now!"]


def test_a_sentence_is_cut_to_the_bound_and_keeps_its_place(backend: OnnxBackend) -> None:
    text = "Quiet. " + "War and " * 100 + "peace."
    found = weigh(backend, "", text)[0]
    assert (found.start, found.end) == (7, len(text))
    assert len(found.text) <= MAX_EVIDENCE_CHARS


def test_a_title_longer_than_what_is_read_and_a_text_without_a_letter_are_no_trouble(backend: OnnxBackend) -> None:
    assert texts(weigh(backend, "War. " + "X " * 400, "... 12, 34!"))[0] == "War."


def test_a_model_that_says_nothing_of_tokens_gives_no_evidence(backend: OnnxBackend) -> None:
    read = read_article("War", "", backend.tokenizer, window_tokens=16, window_stride=12)
    logits = backend.infer(read.windows)
    silent = WindowLogits(logits.level, logits.direction, logits.topics)
    assert explain("War", "", read, silent, never, level=5) == []


def test_a_sentence_across_windows_is_weighed_where_most_of_it_stands(backend: OnnxBackend) -> None:
    # Windows hold tokens 0-15 and 10-25 of the text; the sentence is tokens 12-25.
    text = "a " * 11 + ". " + "Here " + "b " * 12 + "end"
    read = read_article("", text, backend.tokenizer, window_tokens=16, window_stride=12)
    assert len(read.windows) == 2

    def window(level: int, length: int) -> Floats:
        rows = np.zeros((length, 6), dtype=np.float32)
        rows[:, level] = 9.0
        return rows

    tokens = (window(5, len(read.windows[0])), window(3, len(read.windows[1])))
    level = np.stack([rows.mean(axis=0) for rows in tokens])
    logits = WindowLogits(level, level, level, None, tokens)
    found = explain("", text, read, logits, lambda windows: np.zeros((len(windows), 6), np.float32), level=3)
    assert {sentence.text[:4]: sentence.level for sentence in found} == {"a a ": 5, "Here": 3}


def test_a_calm_sentence_does_not_stand_for_the_news_beside_it(backend: OnnxBackend) -> None:
    text = "Shops were shut. They took the city. Nobody knew why."
    read = read_article("", text, backend.tokenizer, window_tokens=40, window_stride=35)
    # In company all tokens say war; alone only the second sentence does.
    rows = np.tile(np.array([0, 0, 0, 0, 0, 6], dtype=np.float32), (len(read.windows[0]), 1))
    logits = WindowLogits(rows[:1], rows[:1], rows[:1], None, (rows,))
    alone: list[list[int]] = []

    def read_windows(windows: Sequence[Sequence[int]]) -> Floats:
        alone.extend(map(list, windows))
        calm, war = [9.0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 9.0]
        return np.array([calm, war, calm], dtype=np.float32)

    found = explain("", text, read, logits, read_windows, level=5)
    assert texts(found) == ["They took the city."]
    first, last = read.specials_around()
    assert [len(window) for window in alone] == [len(window) for window in alone if window[:1] == first]
    assert sum(len(window) - len(first) - len(last) for window in alone) == len(read.text.ids)


def test_only_the_strongest_sentences_are_read_once_more(backend: OnnxBackend) -> None:
    text = " ".join(f"War number {number}." for number in range(25))
    read = read_article("", text, backend.tokenizer, window_tokens=400, window_stride=350)
    asked: list[int] = []

    def read_windows(windows: Sequence[Sequence[int]]) -> Floats:
        asked.append(len(windows))
        return np.zeros((len(windows), 6), dtype=np.float32)

    logits = backend.infer(read.windows)
    explain("", text, read, logits, read_windows, level=5)
    assert asked == [READ_ALONE]


def test_a_lone_sentence_needs_no_second_reading(backend: OnnxBackend) -> None:
    read = read_article("War", "", backend.tokenizer, window_tokens=16, window_stride=12)
    logits = backend.infer(read.windows)
    found = explain("War", "", read, logits, never, level=5)
    assert texts(found) == ["War"]


WORDS = st.sampled_from(["war", "offensive", "ambush", "Football", "x", ".", "!", "\n\n", "。", "3.5", "字", "“", "é"])


@given(title=st.lists(WORDS, max_size=12).map(" ".join), text=st.lists(WORDS, max_size=60).map(" ".join))
@settings(max_examples=60, deadline=None)
def test_evidence_is_bounded_ordered_and_quotes_the_article(backend: OnnxBackend, title: str, text: str) -> None:
    if not (title + text).strip():
        return
    found = weigh(backend, title, text)
    assert len(found) <= MOST
    places = [(sentence.part, sentence.start) for sentence in found]
    assert len(set(places)) == len(places)
