"""From the original text to the text with single white space, and to its tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.locate_tokens import SingleSpaced, TokenPlaces

pytestmark = pytest.mark.unit


@given(
    st.text(alphabet=st.one_of(st.sampled_from(" \t\n\r\x1c\x85\xa0\u2028\u3000\u200b"), st.characters()), max_size=60)
)
@settings(max_examples=150, deadline=None)
def test_every_visible_character_keeps_its_place_among_the_words(text: str) -> None:
    single, mapped = " ".join(text.split()), SingleSpaced(text)
    places = [place for place, character in enumerate(text) if not character.isspace()]
    found = [mapped.position(place) for place in places]
    assert [single[place] for place in found] == [text[place] for place in places]
    assert found == sorted(set(found))


def test_tokens_that_have_a_part_in_a_span_are_found() -> None:
    # "ab cd。ef": the third token reaches over the stop, the fourth has no extent.
    places = TokenPlaces(np.array([[0, 2], [2, 5], [5, 7], [7, 7], [7, 8]], dtype=np.int32))
    assert places.within(0, 2) == (0, 1)
    assert places.within(3, 6) == (1, 3)
    assert places.within(6, 8) == (2, 5)
    assert places.within(8, 9) == (5, 5)
