"""Which dead letters are meant, and which of them can be sent again."""

import pytest

from cli_messages import START, a_dead_letter
from tocsin_cli.dead_letters.choose_letters import (
    LetterFilter,
    Refusal,
    Resend,
    only_distinct,
    plan_resend,
    valid_id_start,
)
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.dead_letter import MAX_PAYLOAD_BYTES, DeadLetterV1, Stage

pytestmark = pytest.mark.unit


def test_a_letter_goes_back_to_the_topic_it_came_from() -> None:
    letter = a_dead_letter(topic="x.classified", retryable=True)
    plan = plan_resend(letter, "x.")
    assert isinstance(plan, Resend)
    assert (plan.topic, plan.retryable) == ("x.classified", True)


@pytest.mark.parametrize("topic", ["other.articles", "articles", "x.secrets", "x.dead-letters", "__consumer_offsets"])
def test_a_letter_goes_to_no_other_topic_than_those_declared_here(topic: str) -> None:
    plan = plan_resend(a_dead_letter(topic=topic), "x.")
    assert isinstance(plan, Refusal)
    assert "no topic of this installation" in plan.reason


def test_what_never_was_on_kafka_gets_advice_instead() -> None:
    letter = a_dead_letter(stage=Stage.INGEST, topic=None, partition=None, offset=None, origin="feed\x1b[31m one")
    plan = plan_resend(letter, "x.")
    assert isinstance(plan, Refusal)
    assert f"tocsin dead-letters show {letter.dead_letter_id[:12]} --raw" in plan.reason
    assert "feed one" in plan.reason


def test_a_cut_original_is_not_sent() -> None:
    plan = plan_resend(a_dead_letter(topic="x.articles", payload=b"x" * (MAX_PAYLOAD_BYTES + 1)), "x.")
    assert isinstance(plan, Refusal)
    assert "too large" in plan.reason


def test_the_same_original_is_sent_once() -> None:
    again = [a_dead_letter(number, topic="x.articles", payload=b"same") for number in (1, 2)]
    other_key = a_dead_letter(3, topic="x.articles", payload=b"same", key=b"other")
    plans = [plan for plan in (plan_resend(letter, "x.") for letter in [*again, other_key]) if isinstance(plan, Resend)]
    assert [plan.dead_letter_id for plan in only_distinct(plans)] == [again[0].dead_letter_id, other_key.dead_letter_id]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (LetterFilter(), True),
        (LetterFilter(stages=frozenset({Stage.CLASSIFY})), True),
        (LetterFilter(stages=frozenset({Stage.ALERT})), False),
        (LetterFilter(reasons=frozenset({"not-json"})), True),
        (LetterFilter(reasons=frozenset({"other"})), False),
        (LetterFilter(since=START), True),
        (LetterFilter(since=START.replace(hour=13)), False),
        (LetterFilter(retryable=False), True),
        (LetterFilter(retryable=True), False),
    ],
)
def test_a_filter_covers_what_it_asks_for(asked: LetterFilter, expected: bool) -> None:
    assert asked.covers(a_dead_letter()) is expected
    assert asked.asks is (asked != LetterFilter())


def test_ids_and_their_beginnings_are_told_from_other_words() -> None:
    assert valid_id_start("3f2a9c")
    assert valid_id_start("f" * 32)
    assert not any(valid_id_start(text) for text in ("", "3f2a9", "g" * 8, "f" * 33, "3f2a9c\n", "../../etc"))


def test_an_original_survives_the_way_through_json_byte_for_byte() -> None:
    letter = a_dead_letter(payload=bytes(range(256)) * 100, key=b"\xff\x00")
    read = decode(DeadLetterV1, encode(letter))
    assert (read.payload, read.key) == (letter.payload, letter.key)
