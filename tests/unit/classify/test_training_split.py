"""Which part an item belongs to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.training.split import TEST_FROM, is_day, part_of

pytestmark = pytest.mark.unit

DAYS = st.dates().map(str)


@given(st.text(min_size=1, max_size=20), DAYS, DAYS)
@settings(max_examples=60, deadline=None)
def test_the_part_depends_on_id_and_day_alone(item_id: str, day: str, test_from: str) -> None:
    assert part_of(item_id, day) == part_of(item_id, day)
    assert (part_of(item_id, day) == "test") == (day >= TEST_FROM)
    assert (part_of(item_id, day, test_from) == "test") == (day >= test_from)


@given(st.text(min_size=1, max_size=20), DAYS, DAYS, DAYS)
@settings(max_examples=60, deadline=None)
def test_what_is_tuned_on_stays_so_when_less_is_held_out(item_id: str, day: str, one: str, other: str) -> None:
    # Else a run that starts from another's weights would tune on what those were trained on.
    assert {part_of(item_id, day, one), part_of(item_id, day, other)} != {"train", "development"}


def test_about_one_in_twelve_months_is_kept_for_tuning_whole() -> None:
    months = [f"{year}-{month:02d}" for year in range(1900, 2000) for month in range(1, 13)]
    kept = [month for month in months if part_of("a", f"{month}-01") == "development"]
    assert 80 < len(kept) < 120
    assert all(part_of(f"wce-{day}", f"{month}-{day:02d}") == "development" for month in kept for day in (1, 15, 31))


def test_invented_items_stay_with_their_neighbours() -> None:
    parts = [{part_of(f"invented-sw-{ten:03d}{one}", "") for one in range(10)} for ten in range(200)]
    assert all(len(part) == 1 for part in parts)
    assert {"train", "development"} == set().union(*parts)


@pytest.mark.parametrize("text", ["2022-07-01", "2000-02-29"])
def test_days_are_known(text: str) -> None:
    assert is_day(text)


@pytest.mark.parametrize("text", ["", "2022", "2022-7-1", "20220701", "2022-02-30", "2022-07-01T00:00", "yesterday"])
def test_what_would_not_compare_as_a_day_is_none(text: str) -> None:
    assert not is_day(text)
