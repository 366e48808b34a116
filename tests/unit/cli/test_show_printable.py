"""Text from the network is made safe for a terminal."""

import json
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_cli.show.printable import escape_json, many_lines, one_line

pytestmark = pytest.mark.unit

hostile = st.text(st.one_of(st.characters(), st.sampled_from("\x1b[31m\x9b\u202e\u2066\x07\n\r\t")), max_size=80)


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_one_line_holds_nothing_that_a_terminal_acts_upon(text: str) -> None:
    for character in one_line(text):
        assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.category(character) != "Cf" or character in "\u200c\u200d"


@settings(max_examples=100, deadline=None)
@given(hostile)
def test_many_lines_keep_their_breaks_and_nothing_else_that_a_terminal_acts_upon(text: str) -> None:
    for character in many_lines(text):
        assert character == "\n" or unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")


def test_colours_and_overrides_vanish_and_other_scripts_stay() -> None:
    assert one_line("a \x1b[31;1mred\x1b[0m \u202etxt\x07 b\r\nc") == "a red txt b c"
    assert one_line("قصف قرب الجسر — نیم‌فاصله 👩‍🚀") == "قصف قرب الجسر — نیم‌فاصله 👩‍🚀"
    assert many_lines("a\tb\r\nc\x1b]0;x\x07") == "a    b\nc]0;x"


def test_long_text_is_cut_with_a_sign_of_it() -> None:
    assert one_line("x" * 50, 10) == "x" * 9 + "…"


@settings(max_examples=100, deadline=None)
@given(hostile)
def test_escaped_json_means_the_same_and_holds_no_controls(text: str) -> None:
    escaped = escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(escaped) == {"text": text}
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in escaped)
    escaped.encode()
