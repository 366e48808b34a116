"""Messages as people see them, on a terminal of 80 columns."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli_messages import START, a_classified, a_dead_letter, an_alert, an_article
from tocsin_cli.inspect.decode_stored import decode_stored
from tocsin_cli.inspect.measure_lag import GroupLag, PartitionLag
from tocsin_cli.inspect.stored import StoredMessage
from tocsin_cli.show.alerts import Change, ChangeNamer, name_change, print_alert
from tocsin_cli.show.dead_letters import payload_as_text, print_dead_letters, print_whole_dead_letter
from tocsin_cli.show.lag import lag_object, print_lag
from tocsin_cli.show.messages import message_object, print_message
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import encode
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.fields import Message

pytestmark = pytest.mark.unit


def console_of(width: int = 80) -> tuple[Console, StringIO]:
    output = StringIO()
    return Console(file=output, width=width, highlight=False, markup=False, emoji=False), output


def shown(message: Message, width: int = 80) -> str:
    console, output = console_of(width)
    stored = StoredMessage("tocsin.x", 3, 42, START, b"key", encode(message))
    print_message(console, decode_stored(stored, type(message)), ChangeNamer())
    return output.getvalue()


def test_an_alert_is_shown_with_level_place_why_and_links() -> None:
    text = shown(an_alert())
    assert " FIRING   Syria (SY)  level 3 violent crisis  ↗ escalating" in text
    assert "4 stories (needs 3) from 3 sources (needs 2) at level 3 or higher" in text
    assert "https://news.example/articles/1\n" in text
    assert an_alert().alert_id in text


def test_a_long_link_stays_one_word() -> None:
    link = "https://news.example/" + "a" * 200
    evidence = an_alert().evidence[0].model_copy(update={"url": link})
    assert link in shown(an_alert(evidence=[evidence.model_dump()]))


def test_text_from_the_network_cannot_reach_the_terminal_raw() -> None:
    hostile = "\x1b[31mred\x1b]0;title\x07\u202eback"
    messages = (
        an_alert(summary=hostile, evidence=[an_alert().evidence[0].model_dump() | {"title": hostile, "url": None}]),
        an_article(title=hostile, source={"name": hostile}, url="https://x.example/\x1b[2J"),
        a_classified(title=hostile, places=[{"country": "SY", "name": hostile, "count": 1}]),
        a_dead_letter(detail=hostile, topic=None, partition=None, offset=None, origin=hostile),
    )
    for message in messages:
        text = shown(message)
        assert not {"\x1b", "\x07", "\u202e"} & set(text), text


def test_words_in_brackets_are_text_and_not_markup() -> None:
    assert "[bold]report[/bold] [link=x]" in shown(an_article(title="[bold]report[/bold] [link=x]"))


def test_changes_are_named_from_one_revision_to_the_next() -> None:
    names = ChangeNamer()
    revisions = [
        an_alert(level=3),
        an_alert(revision=2, level=4),
        an_alert(revision=3, level=4),
        an_alert(revision=4, level=2, resolved=True),
    ]
    assert [names.name(alert) for alert in revisions] == [
        Change.FIRING,
        Change.RAISED,
        Change.UPDATED,
        Change.RESOLVED,
    ]
    assert name_change(an_alert(revision=2, level=5), None) is Change.UPDATED


def test_a_resolved_alert_says_how_long_it_lasted_and_repeats_no_articles() -> None:
    console, output = console_of()
    alert = an_alert(revision=9, resolved=True)
    print_alert(console, alert, Change.RESOLVED)
    assert "(9 min)" in output.getvalue()
    assert "https://" not in output.getvalue()


def test_a_resolved_alert_has_no_direction() -> None:
    heading = shown(an_alert(revision=9, resolved=True)).splitlines()[0]
    assert heading == " RESOLVED   Syria (SY)  level 3 violent crisis  warning"


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_every_message_is_shown_on_a_terminal_of_any_width(width: int) -> None:
    long_title = "Überschrift mit vielen Wörtern über die Lage an der Brücke " * 10
    for message in (an_article(title=long_title), a_classified(title=long_title), an_alert(), a_dead_letter()):
        text = shown(message, width)
        assert "42" in text
        for line in text.splitlines():
            assert len(line) <= width or any(word in line for word in ("https://", "alert ")), line


def test_a_classification_without_tags_and_an_abstained_one_are_shown() -> None:
    escalation = a_classified().escalation.model_dump() | {"abstained": True}
    text = shown(a_classified(topics=[], places=[], title="", lead="", url=None, escalation=escalation))
    assert "no place" in text
    assert "(no title)" in text
    assert "abstained" in text


def evidence_of(text: str, level: int = 3) -> dict[str, Any]:
    return {"part": "text", "start": 0, "end": len(text), "text": text, "level": level, "confidence": 0.8}


def test_a_violent_classification_quotes_the_sentences_that_carry_its_level() -> None:
    quoted = [evidence_of("Shells fell on the bridge.", 4), evidence_of("A second line."), evidence_of("\x1b[2Jthird")]
    text = shown(a_classified(level=4, evidence=quoted))
    assert text.index(" 4   “Shells fell on the bridge.”") < text.index(" 3   “A second line.”") < text.index("“third”")
    assert "“" not in shown(a_classified(level=2, evidence=quoted))


@pytest.mark.parametrize(
    ("because", "shows"), [("confidence", "too unsure"), ("language", "not in a language"), ("no-news", "no news")]
)
def test_an_abstention_is_shown_with_its_reason(because: str, shows: str) -> None:
    escalation = a_classified().escalation.model_dump() | {"abstained": True, "abstained_because": because}
    assert f"abstained: {shows}" in shown(a_classified(escalation=escalation), 200)


def test_where_it_happens_is_shown_before_who_comments_on_it() -> None:
    places = [
        {"country": "US", "name": "United States", "count": 9, "role": "mention", "score": 0.2},
        {"country": "IQ", "name": "Iraq", "count": 1, "role": "scene", "score": 0.7},
        {"country": "SY", "name": "Syria", "count": 1, "role": "scene", "score": 0.9},
    ]
    assert "Syria (SY), Iraq (IQ)  mentions United States (US)" in shown(a_classified(places=places), 200)
    assert "no place" not in shown(a_classified(places=places[:1]), 200)


def test_an_alert_quotes_the_sentence_of_each_article_that_has_one() -> None:
    articles = [item.model_dump() for item in an_alert().evidence]
    articles[0]["sentence"] = "Shells fell on the bridge, " + "and on the road, " * 8 + "at dawn."
    text = shown(an_alert(evidence=articles), 60)
    assert "“Shells fell on the bridge," in text
    assert text.count("“") == 1


def test_an_unreadable_message_is_shown_as_such() -> None:
    for value in (None, b"", b"\xff\x00\x1b[31m", b"{}"):
        stored = StoredMessage("tocsin.classified", 3, 42, None, None, value, (("h", b"\xff"),))
        decoded = decode_stored(stored, ClassifiedV1)
        console, output = console_of()
        print_message(console, decoded, ChangeNamer())
        assert "UNREADABLE" in output.getvalue()
        assert "\x1b" not in output.getvalue()
        found = message_object(decoded)
        assert found["offset"] == 42
        assert found["error"]["reason"] in ("empty-message", "not-json", "invalid-message")


def test_a_message_as_an_object_holds_its_position_and_content() -> None:
    stored = StoredMessage("tocsin.x", 3, 42, START, b"key", encode(an_article()), (("ce_id", b"x"),))
    found = message_object(decode_stored(stored, type(an_article())))
    assert (found["partition"], found["offset"], found["key"]) == (3, 42, "key")
    assert found["headers"] == {"ce_id": "x"}
    assert found["message"]["title"] == an_article().title


def test_dead_letters_fit_a_table_of_80_columns() -> None:
    console, output = console_of()
    letters = [
        a_dead_letter(1),
        a_dead_letter(
            2,
            topic=None,
            partition=None,
            offset=None,
            stage=Stage.INGEST,
            reason="a-rather-long-reason-for-it",
            origin="https://feeds.example/" + "path/" * 20,
        ),
    ]
    print_dead_letters(console, letters, "tocsin.")
    text = output.getvalue()
    assert letters[0].dead_letter_id[:12] in text
    assert "articles 0/1" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_a_whole_dead_letter_shows_every_field_and_the_original() -> None:
    console, output = console_of()
    letter = a_dead_letter(payload="{\n\t“schief” \x1b[31m".encode(), key=None, failed_at=START + timedelta(days=1))
    print_whole_dead_letter(console, letter)
    text = output.getvalue()
    assert letter.dead_letter_id in text
    assert "2026-11-25 12:00:00Z" in text
    assert "{\n    “schief” \n" in text


def test_an_original_that_is_no_text_is_dumped_and_a_huge_one_is_cut() -> None:
    assert payload_as_text(b"\xff\x00AB") == "000000  ff 00 41 42                                      ..AB"
    assert payload_as_text(b"") == ""
    assert "more bytes" in payload_as_text(b"\xff" * 5_000)
    assert "more characters" in payload_as_text(b"x" * 50_000)


def test_lag_counts_what_is_still_there_to_be_read() -> None:
    partitions = (
        PartitionLag(0, committed=None, first=5, end=8),
        PartitionLag(1, committed=2, first=5, end=8),
        PartitionLag(2, committed=8, first=5, end=8),
        PartitionLag(3, committed=9, first=5, end=8),
    )
    group = GroupLag("tocsin.classify", "tocsin.articles", "Stable", 1, partitions)
    assert [partition.lag for partition in partitions] == [3, 3, 0, 0]
    assert lag_object(group)["lag"] == 6
    console, output = console_of()
    print_lag(console, group)
    assert "nothing yet" in output.getvalue()
    assert "1 member\n" in output.getvalue()
