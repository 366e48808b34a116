"""A refused record becomes a dead letter that its topic takes, whatever the record holds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.codec import decode
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.ids import digest_id
from tocsin_contracts.topics import DEAD_LETTERS
from tocsin_contracts.worker import Outgoing, Record
from tocsin_contracts.worker.refuse_record import refuse_record

pytestmark = pytest.mark.unit

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def record(value: bytes | None = b"nope", key: bytes | None = None, **headers: bytes) -> Record:
    return Record("t.articles", 1, 7, key, value, headers)


def refuse(given_record: Record, detail: str = "no JSON") -> Outgoing:
    return refuse_record(
        given_record,
        stage=Stage.CLASSIFY,
        dead_letter_topic="t.dead-letters",
        reason="not-json",
        detail=detail,
        failed_at=NOW,
    )


def size(message: Outgoing) -> int:
    headers = sum(len(name) + len(value) for name, value in message.headers)
    return len(message.value) + len(message.key or b"") + headers


def test_the_letter_holds_the_record_says_where_it_was_and_why_it_failed() -> None:
    key = digest_id("a").encode()
    sent = refuse(record(key=key, traceparent=TRACEPARENT))
    letter = decode(DeadLetterV1, sent.value)
    assert (sent.topic, sent.key) == ("t.dead-letters", key)
    assert (letter.payload, letter.key, letter.article_id) == (b"nope", key, key.decode())
    assert (letter.topic, letter.partition, letter.offset) == ("t.articles", 1, 7)
    assert (letter.stage, letter.reason, letter.detail, letter.failed_at) == ("classify", "not-json", "no JSON", NOW)
    headers = dict(sent.headers)
    assert headers["ce_id"] == letter.dead_letter_id.encode()
    assert headers["ce_source"] == b"/tocsin/classify"
    assert headers["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    "key", [None, b"", b"key", b"A" * 32, b"a" * 31, b"a" * 33, b"a" * 32 + b"\n", b"\xff" * 32, b"k" * 500_000]
)
def test_a_key_that_is_no_article_id_names_no_article(key: bytes | None) -> None:
    sent = refuse(record(key=key))
    letter = decode(DeadLetterV1, sent.value)
    assert (sent.key, letter.article_id) == (None, None)
    assert letter.key == (key[:4_096] if key else None)


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"00-zz",
        b"x" * 100_000,
        TRACEPARENT + b"\r\nx: y",
        TRACEPARENT + b"\n",
        TRACEPARENT.upper(),
        b"ff" + TRACEPARENT[2:],
        b"00-" + b"0" * 32 + TRACEPARENT[35:],
        TRACEPARENT[:36] + b"0" * 16 + b"-01",
    ],
)
def test_only_a_valid_trace_is_passed_on(forged: bytes) -> None:
    assert "traceparent" not in dict(refuse(record(traceparent=forged)).headers)


def test_a_record_whose_key_was_cut_is_not_whole() -> None:
    assert not decode(DeadLetterV1, refuse(record(key=b"k" * 4_096)).value).truncated
    assert decode(DeadLetterV1, refuse(record(key=b"k" * 4_097)).value).truncated


def test_the_largest_record_fits_into_the_topic() -> None:
    hostile = record(b"\xff" * 3_000_000, b"\xff" * 1_000_000, traceparent=b"0" * 1_000_000, other=b"x" * 1_000_000)
    sent = refuse(hostile, detail="\x00" * 1_000_000)
    assert decode(DeadLetterV1, sent.value).truncated
    assert size(sent) < DEAD_LETTERS.max_message_bytes


@given(
    value=st.none() | st.binary(max_size=200),
    key=st.none() | st.binary(max_size=50),
    headers=st.dictionaries(st.sampled_from(["traceparent", "ce_id", ""]), st.binary(max_size=60)),
    detail=st.text(st.characters(exclude_categories=()), max_size=50),
)
def test_no_record_and_no_detail_whatever_prevent_the_letter(
    value: bytes | None, key: bytes | None, headers: dict[str, bytes], detail: str
) -> None:
    sent = refuse(Record("t.articles", 0, 0, key, value, headers), detail)
    letter = decode(DeadLetterV1, sent.value)
    assert letter.payload == (value or b"")
    assert letter.detail == detail.encode("utf-8", "backslashreplace").decode()
