"""Which alerts a subscriber gets, and where on the stream it starts."""

from datetime import UTC, datetime

import pytest

from cli_messages import START, an_alert
from tocsin_cli.show.alerts import Change
from tocsin_cli.show.moments import BadMoment
from tocsin_cli.subscribe.alert_stream import show_address
from tocsin_cli.subscribe.choose_alerts import Chooser, Wanted
from tocsin_cli.subscribe.find_start import BEGINNING, id_moment, id_order, parse_since, valid_cursor_name
from tocsin_contracts.alert import Status

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), True),
        (Wanted(min_level=3), True),
        (Wanted(min_level=4), False),
        (Wanted(topics=frozenset({"medtop:20000056"})), True),
        (Wanted(topics=frozenset({"medtop:20000069"})), False),
        (Wanted(places=frozenset({"SY", "UA"})), True),
        (Wanted(places=frozenset({"UA"})), False),
        (Wanted(rules=frozenset({"fighting"})), True),
        (Wanted(rules=frozenset({"other"})), False),
        (Wanted(min_level=3, places=frozenset({"UA"})), False),
    ],
)
def test_an_alert_is_covered_when_everything_asked_for_holds(wanted: Wanted, expected: bool) -> None:
    assert wanted.covers(an_alert()) is expected


def test_a_group_is_covered_even_when_its_value_is_not_listed() -> None:
    alert = an_alert(places=[], topics=[], group={"place": "UA", "topic": "medtop:20000069"})
    assert Wanted(places=frozenset({"UA"}), topics=frozenset({"medtop:20000069"})).covers(alert)


def test_who_was_told_firing_is_told_what_becomes_of_it() -> None:
    chooser = Chooser(Wanted(min_level=4))
    told = [
        chooser.choose(an_alert(level=3)),
        chooser.choose(an_alert(revision=2, level=4)),
        chooser.choose(an_alert(revision=3, level=3)),
        chooser.choose(an_alert(revision=4, level=1, resolved=True)),
        chooser.choose(an_alert(episode=2, level=1, revision=2, resolved=True)),
    ]
    assert told == [None, Change.RAISED, Change.UPDATED, Change.RESOLVED, None]


def test_a_status_asked_for_leaves_the_other_out() -> None:
    chooser = Chooser(Wanted(status=Status.RESOLVED))
    assert chooser.choose(an_alert()) is None
    assert chooser.choose(an_alert(revision=2, resolved=True)) is Change.RESOLVED


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("0", BEGINNING),
        ("beginning", BEGINNING),
        ("1700000000000-5", "1700000000000-5"),
        ("1970-01-01T00:00:00Z", BEGINNING),
        ("2026-11-24T11:00Z", "1795517999999-18446744073709551615"),
        ("2026-11-24t11:00z", "1795517999999-18446744073709551615"),
        ("1h", "1795517999999-18446744073709551615"),
    ],
)
def test_since_names_the_id_after_which_to_read(text: str, start: str) -> None:
    assert parse_since(text, START) == start


@pytest.mark.parametrize("text", ["", "$", "-1", "5-", "1700000000000", "1-2-3", "99999999999999999999-0"])
def test_since_refuses_what_names_no_start(text: str) -> None:
    with pytest.raises(BadMoment, match="stream id"):
        parse_since(text, START)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "-x", ".x", "x" * 65, "a\n", "*", "ä"])
def test_a_cursor_name_never_leaves_its_place_in_the_key(name: str) -> None:
    assert not valid_cursor_name(name)


def test_plain_cursor_names_are_taken() -> None:
    assert all(valid_cursor_name(name) for name in ("desk", "news-desk.2", "A_1", "x" * 64))


def test_ids_are_ordered_by_number_and_not_by_digit() -> None:
    assert id_order("9-10") > id_order("9-9")
    assert id_order("10-0") > id_order("9-99")
    assert id_moment("1795521600000-0") == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert id_moment("18446744073709551615-0") is None


def test_an_address_never_shows_the_password() -> None:
    assert show_address("redis://user:secret@redis.example:6380/2") == "redis.example:6380"
    assert "secret" not in show_address("unix:///run/redis.sock?password=secret")
