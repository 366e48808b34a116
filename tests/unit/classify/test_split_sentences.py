"""Where sentences end, in the scripts the model reads, and that no text is lost or takes long."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.split_sentences import split_sentences

pytestmark = pytest.mark.unit


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Shells fell on the bridge.", "Nobody was hurt!", "Will it hold?", "We will see…", "The end"],
        ["Снаряды упали на мост.", "Никто не пострадал."],
        ["سقطت القذائف على الجسر.", "هل تصمد الهدنة؟", "لا أحد يعلم."],
        ["پل بسته ماند۔", "کسی زخمی نہیں ہوا۔"],
        ["पुल पर गोले गिरे।", "कोई घायल नहीं हुआ।"],
        ["Los obuses cayeron.", "¿Resistirá la tregua?", "¡Basta!"],
        ["Köprü kapalı.", "İki asker öldü."],
    ],
)
def test_sentences_end_at_the_stops_of_their_script(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


def test_chinese_needs_no_space_between_sentences() -> None:
    expected = ["炮弹落在桥上。", "“我们很担心。”", "他说！", "停火能维持吗？", "不知道……走了。"]
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize(
    "whole",
    [
        "It grew by 3.5 percent at 10.30 a.m. and fell.",
        "The U.S. Army and J. R. Orlov met Gen. Petrov in St. Velm.",
        "Los EE.UU. Enviaron al Sr. Ortega.",
        "В 2022 г. Россия и т.д. согласились.",
        "Article No. 5 took effect on Sept. 11 in Velm.",
        "See news.example/a.b for more.",
        "“Stop!” he said.",
        "Yahoo! reported it.",
        "Wait... what is this.",
        "1. The first item of a list.",
    ],
)
def test_a_stop_inside_a_sentence_does_not_end_it(whole: str) -> None:
    assert sentences(whole) == [whole]


def test_quotes_and_brackets_that_close_after_a_stop_belong_to_the_sentence() -> None:
    expected = ['"They fled."', "(Nobody stayed.)", "«Всё».", "„Halt.“", "Then silence."]
    assert sentences(" ".join(expected)) == expected


def test_a_word_that_is_an_abbreviation_only_before_numbers_may_end_a_sentence() -> None:
    assert sentences("They said no. The talks ended.") == ["They said no.", "The talks ended."]


def test_paragraphs_and_lines_end_sentences_and_wrapped_lines_do_not() -> None:
    text = "HEADLINE\n\nfirst paragraph\r\n\r\nA line\nThe next line that\ngoes on here\n"
    assert sentences(text) == ["HEADLINE", "first paragraph", "A line", "The next line that\ngoes on here"]


@pytest.mark.parametrize("empty", ["", " \n\t ", "\u3000"])
def test_nothing_has_no_sentences(empty: str) -> None:
    assert split_sentences(empty) == []


PIECES = st.sampled_from(
    [
        ".",
        "!",
        "?",
        "…",
        "。",
        "؟",
        "।",
        "”",
        '"',
        ")",
        " ",
        "\n",
        "\n\n",
        "\u2029",
        "a",
        "Word",
        "U.S",
        "3",
        "字",
        "و",
        "“",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=300, deadline=None)
def test_sentences_are_in_order_do_not_overlap_and_hold_all_that_is_visible(text: str) -> None:
    spans = split_sentences(text)
    reached = 0
    for start, end in spans:
        assert reached <= start < end
        assert not text[reached:start].strip()
        assert text[start:end] == text[start:end].strip()
        reached = end
    assert not text[reached:].strip()


@pytest.mark.parametrize(
    "piece", [".", ". ", " .", '."', "\n", '"', "a.", "A. ", "... ", ".\n", "x", "1. ", "“.", "Dr. "]
)
def test_a_hostile_text_takes_no_longer_than_its_length_asks(piece: str) -> None:
    def measure(size: int) -> float:
        text = (piece * size)[:size] + "x"
        began = time.process_time()
        split_sentences(text)
        return time.process_time() - began

    # Quadratic work would take minutes; linear work takes tenths of a second.
    assert measure(100_000) < 3
