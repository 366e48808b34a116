"""The handler: one message per record, dead letters with reason and original bytes, headers passed on."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tocsin_classify.backend import WindowLogits
from tocsin_classify.classify_batch import Classifier
from tocsin_classify.gazetteer.search import load_gazetteer
from tocsin_classify.handle_articles import ArticleHandler
from tocsin_classify.onnx_backend import load_onnx_backend
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.fields import Source
from tocsin_contracts.ids import digest_id
from tocsin_contracts.worker import Outgoing, Record, RetryLater

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    backend = load_onnx_backend(TINY, threads=1)
    yield Classifier(backend, load_gazetteer(), lambda: NOW)
    backend.close()


def article(title: str) -> ArticleV1:
    return ArticleV1(
        article_id=digest_id(title),
        revision=1,
        content_hash=hashlib.sha256(title.encode()).hexdigest(),
        story_id=digest_id("story", title),
        title=title,
        source=Source(name="The Copper Gazette"),
        fetched_at=NOW,
    )


def record(value: bytes | None, *, key: bytes | None = None, offset: int = 7, **headers: bytes) -> Record:
    return Record("t.articles", 1, offset, key, value, headers)


def handle(classifier: Classifier, *records: Record) -> Sequence[Outgoing]:
    async def once() -> Sequence[Outgoing]:
        handler = ArticleHandler(lambda: classifier, "t.", now=lambda: NOW)
        handler._classifier = classifier
        return await handler.handle(records)

    return asyncio.run(once())


def test_an_article_becomes_a_classified_message_keyed_by_its_id(classifier: Classifier) -> None:
    given = article("War in Mali")
    (sent,) = handle(classifier, record(encode(given), traceparent=TRACEPARENT))
    assert (sent.topic, sent.key) == ("t.classified", given.article_id.encode())
    assert decode(ClassifiedV1, sent.value).escalation.level == 5
    headers = dict(sent.headers)
    assert headers["ce_type"] == b"org.tocsin.classified.v1"
    assert headers["ce_id"] == f"{given.article_id}:1".encode()
    assert headers["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty-message"),
        (b"", "empty-message"),
        (b"\x00\xff garbage", "not-json"),
        (b"[" * 50_000, "not-json"),
        (b"{}", "invalid-message"),
        (b"[]", "invalid-message"),
        (encode(article("x")).replace(b'"title":"x"', b'"title":" "'), "invalid-message"),
    ],
)
def test_an_unreadable_message_becomes_a_dead_letter_with_its_bytes(
    classifier: Classifier, value: bytes | None, reason: str
) -> None:
    (sent,) = handle(classifier, record(value, key=b"some key"))
    letter = decode(DeadLetterV1, sent.value)
    assert (sent.topic, sent.key) == ("t.dead-letters", None)
    assert (letter.stage, letter.reason, letter.retryable) == ("classify", reason, False)
    assert (letter.payload, letter.key, letter.article_id) == (value or b"", b"some key", None)
    assert (letter.topic, letter.partition, letter.offset, letter.failed_at) == ("t.articles", 1, 7, NOW)
    assert dict(sent.headers)["ce_type"] == b"org.tocsin.dead-letter.v1"


def test_a_dead_letter_names_the_article_when_the_key_does(classifier: Classifier) -> None:
    key = digest_id("a").encode()
    (sent,) = handle(classifier, record(b"nope", key=key))
    assert sent.key == key
    assert decode(DeadLetterV1, sent.value).article_id == key.decode()


def test_an_article_the_model_fails_on_is_a_retryable_dead_letter(classifier: Classifier) -> None:
    given = article("unembeddable")
    (sent,) = handle(classifier, record(encode(given), key=given.article_id.encode()))
    letter = decode(DeadLetterV1, sent.value)
    assert (letter.reason, letter.retryable, letter.article_id) == ("inference-failed", True, given.article_id)
    assert decode(ArticleV1, letter.payload) == given


def test_every_record_gets_exactly_one_message_in_its_order(classifier: Classifier) -> None:
    values = [encode(article("war")), b"nope", encode(article("unembeddable")), b"", encode(article("football"))]
    sent = handle(classifier, *(record(value, offset=number) for number, value in enumerate(values)))
    assert [message.topic.removeprefix("t.") for message in sent] == [
        "classified",
        "dead-letters",
        "dead-letters",
        "dead-letters",
        "classified",
    ]


def test_abstentions_are_counted_for_the_health_page(classifier: Classifier) -> None:
    async def scenario() -> Mapping[str, object]:
        handler = ArticleHandler(lambda: classifier, "t.", now=lambda: NOW)
        handler._classifier = classifier
        await handler.handle([record(encode(article(title))) for title in ("war in Mali", "we use cookies", "404")])
        return handler.health()

    facts = asyncio.run(scenario())
    assert facts["classified"] == 3
    assert facts["abstained"] == {"confidence": 0, "language": 0, "no-news": 2}


def test_the_same_records_give_the_same_messages_again(classifier: Classifier) -> None:
    records = [record(encode(article("war"))), record(b"nope"), record(encode(article("ambush in Kenya")))]
    assert handle(classifier, *records) == handle(classifier, *records)


@pytest.mark.parametrize("forged", [b"", b"x" * 100_000, b"00-zz", TRACEPARENT + b"\r\nx: y"])
def test_a_traceparent_that_is_none_is_not_passed_on(classifier: Classifier, forged: bytes) -> None:
    (sent,) = handle(classifier, record(encode(article("war")), traceparent=forged))
    assert "traceparent" not in dict(sent.headers)


def test_the_event_loop_runs_on_while_the_model_loads_and_computes(classifier: Classifier) -> None:
    async def scenario() -> tuple[int, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        def load() -> Classifier:
            # Ends only when the loop has moved on meanwhile.
            moved.wait(20)
            return classifier

        moved = threading.Event()
        handler = ArticleHandler(load, "t.", now=lambda: NOW)
        assert handler.health() == {"model": None}
        ticking = asyncio.create_task(tick())
        starting = asyncio.create_task(handler.start())
        await asyncio.sleep(0.05)
        before = ticks
        moved.set()
        await starting
        ticking.cancel()
        assert handler.health() == {
            "model": "tiny",
            "model_version": "1.0.0",
            "classified": 0,
            "abstained": {"confidence": 0, "language": 0, "no-news": 0},
        }
        return before, ticks

    before, after = asyncio.run(scenario())
    assert 1 < before <= after


def test_stopping_ends_a_long_batch_soon_and_blames_no_article(classifier: Classifier) -> None:
    class Slow:
        settings = classifier.backend.settings
        tokenizer = classifier.backend.tokenizer
        closed = threading.Event()
        begun = threading.Event()

        def infer(self, windows: Sequence[Sequence[int]]) -> WindowLogits:
            self.begun.set()
            assert self.closed.wait(60)
            raise CancelledError

        def close(self) -> None:
            self.closed.set()

    async def scenario() -> None:
        slow = Slow()
        handler = ArticleHandler(lambda: Classifier(slow, classifier.gazetteer, lambda: NOW), "t.")
        await handler.start()
        handling = asyncio.create_task(handler.handle([record(encode(article("war"))), record(b"nope")]))
        await asyncio.to_thread(slow.begun.wait, 20)
        await handler.stop()
        with pytest.raises(RetryLater):
            await asyncio.wait_for(handling, 20)

    asyncio.run(scenario())
