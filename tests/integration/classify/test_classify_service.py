"""The classify service as a process on a real Kafka: each article ends in exactly one of classified or dead letter."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from support.processes import Processes, Service
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.fields import MAX_TEXT_CHARS, MAX_TITLE_CHARS, Source
from tocsin_contracts.ids import digest_id
from tocsin_contracts.settings import KafkaSettings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"
TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
STARTS_WITHIN_S = 180.0
"""Seconds on an idle machine; the rest is for one that trains a model or builds an image meanwhile."""


def article(name: str, title: str = "", text: str = "") -> ArticleV1:
    return ArticleV1(
        article_id=digest_id(name),
        revision=1,
        content_hash=hashlib.sha256(f"{title}\n{text}".encode()).hexdigest(),
        story_id=digest_id("story", name),
        title=title,
        text=text,
        source=Source(name="The Copper Gazette"),
        fetched_at=datetime(2026, 5, 1, tzinfo=UTC),
    )


def start_service(processes: Processes, kafka: KafkaSettings, **more: str) -> Service:
    """Start classify on the topics of one test, with the tiny model."""
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": kafka.kafka_bootstrap_servers,
        "TOCSIN_TOPIC_PREFIX": kafka.topic_prefix,
        "TOCSIN_CLASSIFY_MODEL": str(TINY),
        "TOCSIN_WORKER_SESSION_TIMEOUT_S": "6",
        **more,
    }
    return processes.start(
        "-m", "tocsin_classify", port_variable="TOCSIN_CLASSIFY_HEALTH_PORT", environment=environment
    )


class Reader:
    """Everything that arrives on the two topics classify writes to."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.prefix = kafka.topic_prefix
        self.consumer = KafkaConsumer(
            f"{self.prefix}classified",
            f"{self.prefix}dead-letters",
            bootstrap_servers=kafka.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
        )
        self.records: list[Any] = []

    def read(self, count: int, within_s: float = STARTS_WITHIN_S) -> "Reader":
        """Read until that many messages are there in all, or no more come within the time."""
        deadline = time.monotonic() + within_s
        while len(self.records) < count and time.monotonic() < deadline:
            for records in self.consumer.poll(timeout_ms=250).values():
                self.records.extend(records)
        return self

    def read_articles(self, count: int, within_s: float = STARTS_WITHIN_S) -> "Reader":
        """Read until that many different articles are classified; a restart may repeat some."""
        deadline = time.monotonic() + within_s
        while len(self.articles()) < count and time.monotonic() < deadline:
            self.read(len(self.records) + 1, within_s=1)
        return self

    def articles(self) -> set[bytes]:
        return {record.key for record in self.records if record.topic.endswith("classified")}

    def classified(self) -> list[ClassifiedV1]:
        return [decode(ClassifiedV1, record.value) for record in self.records if record.topic.endswith("classified")]

    def dead_letters(self) -> list[DeadLetterV1]:
        return [decode(DeadLetterV1, record.value) for record in self.records if record.topic.endswith("dead-letters")]


def produce(kafka: KafkaSettings, messages: list[tuple[bytes | None, bytes | None]]) -> None:
    """Send (key, value) pairs and wait for the broker to have each."""
    producer = KafkaProducer(bootstrap_servers=kafka.kafka_bootstrap_servers, linger_ms=10)
    headers = [("traceparent", TRACEPARENT)]
    sent = [
        producer.send(f"{kafka.topic_prefix}articles", key=key, value=value, headers=headers) for key, value in messages
    ]
    for future in sent:
        future.get(30)
    producer.close()


def keyed(*articles: ArticleV1) -> list[tuple[bytes | None, bytes | None]]:
    return [(given.article_id.encode(), encode(given)) for given in articles]


def test_each_of_sixteen_messages_ends_in_exactly_one_place_and_a_replay_gives_the_same(
    kafka_settings: KafkaSettings, processes: Processes
) -> None:
    good = [
        article("war", "War in Mali", "Troops near Timbuktu."),
        article("football", "Football tonight"),
        article("text only", "", "An ambush in Kenya"),
        article("huge", "war " * (MAX_TITLE_CHARS // 4), "字" * MAX_TEXT_CHARS),
        article("all places", "Dispute", "Niger, Nigeria, Georgia and both Congos " * 2_000),
        *(article(f"more {number}", "ceasefire") for number in range(6)),
    ]
    poison: list[tuple[bytes | None, bytes | None]] = [
        (b"\xff\x00", b"\x00\xff no json"),
        (None, b'{"article_id": "zz"}'),
        (digest_id("tombstone").encode(), None),
        (None, b"[" * 20_000),
        *keyed(article("poison", "unembeddable")),
    ]
    messages = keyed(*good)
    for place, bad in enumerate(poison):
        messages.insert(3 * place, bad)
    assert len(messages) == 16
    produce(kafka_settings, messages)
    service = start_service(processes, kafka_settings)

    reader = Reader(kafka_settings).read(16)
    first = reader.classified()
    letters = reader.dead_letters()
    assert sorted(tagged.article_id for tagged in first) == sorted(given.article_id for given in good)
    assert sorted(letter.reason for letter in letters) == [
        "empty-message",
        "inference-failed",
        "invalid-message",
        "not-json",
        "not-json",
    ]
    assert {letter.payload for letter in letters} == {value or b"" for _, value in poison}
    levels = {tagged.article_id: tagged.escalation.level for tagged in first}
    assert [levels[given.article_id] for given in good] == [5, 0, 3, 5, 1, *[4] * 6]
    assert all(dict(record.headers)["traceparent"] == TRACEPARENT for record in reader.records)

    status, facts = service.health("readyz")
    assert (status, facts["model"], facts["model_version"]) == (200, "tiny", "1.0.0")
    assert facts["classified"] >= len(good)
    assert set(facts["abstained"]) == {"confidence", "language", "no-news"}
    assert service.health("livez")[0] == 200

    # In another order, and so in other company.
    produce(kafka_settings, messages[::-1])
    last = article("last", "war")
    produce(kafka_settings, keyed(last))
    reader.read(16 + 16 + 1)
    again = reader.classified()[len(first) :]
    tags = {tagged.article_id: tagged.model_dump(exclude={"classified_at"}) for tagged in first}
    repeated = [tagged for tagged in again if tagged.article_id in tags]
    assert len(repeated) == len(good)
    assert all(tagged.model_dump(exclude={"classified_at"}) == tags[tagged.article_id] for tagged in repeated)
    assert len(reader.dead_letters()) == 2 * len(poison)
    assert service.stop(signal.SIGTERM, within_s=30) == 0


def test_a_stopped_and_a_killed_service_take_up_where_they_were(
    kafka_settings: KafkaSettings, processes: Processes
) -> None:
    articles = [article(f"article {number}", "An ambush", f"number {number}") for number in range(1_500)]
    produce(kafka_settings, keyed(*articles))
    reader = Reader(kafka_settings)
    ways = ((signal.SIGTERM, 50, 0), (signal.SIGKILL, 400, -signal.SIGKILL))
    for number, enough, code in ways:
        service = start_service(processes, kafka_settings, TOCSIN_WORKER_BATCH_SIZE="8")
        reader.read_articles(enough)
        assert service.stop(number, within_s=30) == code
        assert enough <= len(reader.articles()) < len(articles), "too early or too late to show anything"
    start_service(processes, kafka_settings)
    reader.read_articles(len(articles))
    assert reader.articles() == {given.article_id.encode() for given in articles}
    assert reader.dead_letters() == []


def test_a_service_without_a_model_says_what_to_do_and_ends_with_code_2(kafka_bootstrap_servers: str) -> None:
    environment = {
        **os.environ,
        "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap_servers,
        "TOCSIN_CLASSIFY_MODEL": "/no/such/model",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tocsin_classify"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "TOCSIN_CLASSIFY_MODEL: /no/such/model is not a directory; name a model directory"
    ]
