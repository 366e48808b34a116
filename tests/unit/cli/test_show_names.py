"""Names that people write are turned into codes, and times and lengths of time are read and written."""

from datetime import UTC, datetime, timedelta

import pytest

from cli_messages import START
from tocsin_cli.show.countries import COUNTRY_NAMES, country_name, find_country
from tocsin_cli.show.moments import BadMoment, parse_duration, parse_moment, show_duration
from tocsin_cli.show.names import UnknownName, country_code, topic_code

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SY", "SY"),
        ("sy", "SY"),
        ("Syria", "SY"),
        ("south sudan", "SS"),
        ("south-sudan", "SS"),
        ("Côte d’Ivoire", "CI"),
        ("Türkiye", "TR"),
        ("Guinea-Bissau", "GW"),
        ("usa", "US"),
        ("Reunion", "RE"),
    ],
)
def test_a_country_is_found_by_code_and_name(text: str, code: str) -> None:
    assert find_country(text) == code


def test_every_country_is_found_by_its_own_name() -> None:
    assert len(COUNTRY_NAMES) == 250  # ISO 3166-1's 249, and Kosovo
    for code, name in COUNTRY_NAMES.items():
        assert find_country(name) == code
        assert find_country(name.replace(" ", "-")) == code


def test_an_unassigned_code_names_itself() -> None:
    assert country_name("ZZ") == "ZZ"


def test_an_unknown_name_gets_suggestions() -> None:
    with pytest.raises(UnknownName, match=r"did you mean .*Syria"):
        country_code("Syrai")
    with pytest.raises(UnknownName, match="did you mean armed-conflict"):
        topic_code("armedconflict")


def test_a_topic_is_found_by_code_name_and_slug_and_a_foreign_code_is_taken() -> None:
    assert topic_code("medtop:20000056") == topic_code("Armed Conflict") == topic_code("armed-conflict")
    assert topic_code("medtop:20009999") == "medtop:20009999"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("2W", timedelta(14)),
    ],
)
def test_a_length_of_time_is_read(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert parse_moment(text, START) == START - length


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7y", "1h 30m", "999999999w999999999w" * 9])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    assert parse_duration(text) is None


def test_a_length_beyond_all_reason_is_still_a_time() -> None:
    assert parse_moment("999999999w", START) < START


def test_a_time_without_a_zone_is_utc_and_another_zone_is_converted() -> None:
    assert parse_moment("2026-11-24 12:00", START) == START
    assert parse_moment("2026-11-24T14:00+02:00", START) == START
    assert parse_moment("2026-11-24", START) == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00+23:00", "\x1b[31m"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(BadMoment, match="2h"):
        parse_moment(text, START)


def test_a_length_of_time_is_shown_in_two_units() -> None:
    assert show_duration(timedelta(hours=2, minutes=5, seconds=9)) == "2 h 5 min"
    assert show_duration(timedelta(days=1, minutes=5)) == "1 d"
    assert show_duration(timedelta(0)) == "0 s"
