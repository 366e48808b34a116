"""Bytes to messages and back."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import UnreadableMessage, decode, encode, event_headers, event_id
from tocsin_contracts.dead_letter import MAX_PAYLOAD_BYTES, DeadLetterV1, Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.fields import MAX_TEXT_CHARS
from tocsin_contracts.ids import digest_id
from tocsin_contracts.topics import DEAD_LETTERS

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "services" / "contracts" / "examples"
NOW = datetime(2026, 3, 17, 9, 24, tzinfo=UTC)


def article_fields() -> dict[str, object]:
    fields: dict[str, object] = json.loads((EXAMPLES / "article.v1" / "full.json").read_text(encoding="utf-8"))
    return fields


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (None, "empty-message"),
        (b"", "empty-message"),
        (b"<html>", "not-json"),
        (b"\xff\xfe\x00", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"[]", "invalid-message"),
        (b'{"article_id": 1}', "invalid-message"),
    ],
)
def test_what_is_no_article_is_unreadable_with_a_reason(payload: bytes | None, reason: str) -> None:
    with pytest.raises(UnreadableMessage) as caught:
        decode(ArticleV1, payload)
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 2_000


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_but_unreadable(payload: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        decode(ClassifiedV1, payload)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("article_id", "../../etc/passwd"),
        ("revision", 0),
        ("text", "x" * (MAX_TEXT_CHARS + 1)),
        ("url", "javascript:alert(1)"),
        ("language", "english"),
        ("fetched_at", "2026-03-17T09:24:31"),
        ("source", {"name": ""}),
        ("unknown", 1),
    ],
)
def test_a_field_out_of_bounds_is_named_and_its_value_not_echoed(field: str, value: object) -> None:
    payload = json.dumps({**article_fields(), field: value}).encode()
    with pytest.raises(UnreadableMessage, match=field) as caught:
        decode(ArticleV1, payload)
    assert "etc/passwd" not in str(caught.value)


def test_an_article_without_title_and_text_is_refused() -> None:
    payload = json.dumps({**article_fields(), "title": " ", "text": "\n"}).encode()
    with pytest.raises(UnreadableMessage, match="title or a text"):
        decode(ArticleV1, payload)


def test_times_are_kept_in_utc() -> None:
    payload = json.dumps({**article_fields(), "published_at": "2026-03-17T12:20:00+03:00"}).encode()
    assert b'"published_at":"2026-03-17T09:20:00Z"' in encode(decode(ArticleV1, payload))


def test_the_largest_article_fits_into_a_kafka_message() -> None:
    article = ArticleV1.model_validate(article_fields() | {"text": "\U0001f525" * MAX_TEXT_CHARS})
    assert len(encode(article)) < 1_000_000


@given(payload=st.binary(max_size=500), key=st.none() | st.binary(min_size=1, max_size=50), offset=st.integers(0, 9))
def test_a_dead_letter_gives_back_the_original_bytes(payload: bytes, key: bytes | None, offset: int) -> None:
    letter = make_dead_letter(
        stage=Stage.CLASSIFY, reason="not-json", detail="", payload=payload, key=key, offset=offset, failed_at=NOW
    )
    received = decode(DeadLetterV1, encode(letter))
    assert (received.payload, received.key, received.truncated) == (payload, key, False)
    assert base64.b64decode(json.loads(encode(letter))["payload"]) == payload
    assert received.dead_letter_id == letter.dead_letter_id


def test_a_huge_dead_letter_is_cut_says_so_and_fits_its_topic() -> None:
    letter = make_dead_letter(
        stage=Stage.INGEST, reason="too-large", detail="x" * 9_999, payload=b"\xff" * 3_000_000, failed_at=NOW
    )
    assert letter.truncated
    encoded = encode(letter)
    assert len(decode(DeadLetterV1, encoded).payload) == MAX_PAYLOAD_BYTES
    assert len(encoded) < DEAD_LETTERS.max_message_bytes


def test_headers_carry_the_cloudevents_attributes_and_the_trace() -> None:
    article = ArticleV1.model_validate(article_fields())
    headers = dict(event_headers(article, service="ingest", time=NOW, traceparent=b"00-ab-cd-01"))
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": f"{article.article_id}:2".encode(),
        "ce_type": b"org.tocsin.article.v1",
        "ce_source": b"/tocsin/ingest",
        "ce_time": b"2026-03-17T09:24:00+00:00",
        "content-type": b"application/json",
        "traceparent": b"00-ab-cd-01",
    }
    assert event_id(article) == headers["ce_id"].decode()


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_parts_never_give_the_same_id(left: list[str], right: list[str]) -> None:
    assert (digest_id(*left) == digest_id(*right)) == (left == right)
