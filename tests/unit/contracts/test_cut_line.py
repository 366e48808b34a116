"""Texts of any length become one line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_contracts.cut_line import cut_line

pytestmark = pytest.mark.unit


@given(st.text(max_size=400), st.integers(min_value=2, max_value=60))
@settings(max_examples=200, deadline=None)
def test_a_line_is_no_longer_than_allowed_and_has_no_breaks(text: str, limit: int) -> None:
    line = cut_line(text, limit)
    assert len(line) <= limit
    assert line == " ".join(line.split())


def test_a_short_text_stays_and_a_long_one_is_cut_between_words() -> None:
    assert cut_line("Shots  were\nheard.", 18) == "Shots were heard."
    assert cut_line("Shots were heard at the border", 18) == "Shots were heard…"
    assert cut_line("Donaudampfschifffahrt", 10) == "Donaudamp…"
