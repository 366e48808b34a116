"""Sends messages to Kafka and returns only when the broker has acknowledged every one of them."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.codec import encode, event_headers
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.topics import ARTICLES, DEAD_LETTERS
from tocsin_ingest.away import KafkaAway
from tocsin_ingest.settings import PublishSettings

LINGER_MS: Final = 20
BATCH_BYTES: Final = 256 * 1024
RETRY_CONNECT_AFTER_S: Final = 1.0
"""While Kafka is away, callers are told so at once rather than queueing for another attempt."""

log = structlog.get_logger(__name__)


class Publisher(Protocol):
    """Where accepted articles and dead letters go."""

    def publish(self, messages: Sequence[ArticleV1 | DeadLetterV1]) -> None:
        """Send and wait for every acknowledgement. Raises KafkaAway when one is missing: then send them all again."""
        ...


class KafkaPublisher:
    """Publisher on one idempotent producer, shared by all threads, made when first needed.

    A producer that failed to deliver is thrown away: what it gave up on leaves a hole in its sequence numbers.
    """

    def __init__(self, settings: PublishSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._producer: Any = None
        self._next_connect = 0.0
        self._articles = ARTICLES.full_name(settings.topic_prefix)
        self._dead_letters = DEAD_LETTERS.full_name(settings.topic_prefix)

    def publish(self, messages: Sequence[ArticleV1 | DeadLetterV1]) -> None:
        """See Publisher."""
        if not messages:
            return
        deadline = time.monotonic() + self._settings.ingest_kafka_timeout_s
        producer = self._connected(deadline)
        try:
            futures = [self._send(producer, message) for message in messages]
            for future in futures:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
        except KafkaError as error:
            self._discard(producer)
            raise KafkaAway(self._explain(error)) from error

    def check(self) -> None:
        """Raise KafkaAway unless a broker accepts connections and the articles topic exists."""
        deadline = time.monotonic() + min(3.0, self._settings.ingest_kafka_timeout_s)
        _knock(self._settings.kafka_bootstrap_servers)
        producer = self._connected(deadline)
        try:
            producer.partitions_for(self._articles)
        except KafkaError as error:
            raise KafkaAway(self._explain(error)) from error

    def close(self, timeout_s: float = 3.0) -> None:
        """Close the producer. Everything that was promised has been acknowledged already."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            _close_quietly(producer, timeout_s)

    def _send(self, producer: Any, message: ArticleV1 | DeadLetterV1) -> Any:
        topic = self._articles if isinstance(message, ArticleV1) else self._dead_letters
        key = message.article_id.encode() if message.article_id else None
        headers = event_headers(message, service="ingest", time=self._clock())
        return producer.send(topic, value=encode(message), key=key, headers=headers)

    def _connected(self, deadline: float) -> Any:
        if not self._lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise KafkaAway(f"Kafka at {self._settings.kafka_bootstrap_servers} does not answer")
        try:
            if self._producer is None:
                if time.monotonic() < self._next_connect:
                    raise KafkaAway(f"Kafka at {self._settings.kafka_bootstrap_servers} does not answer")
                self._producer = self._connect(deadline)
            return self._producer
        finally:
            self._lock.release()

    def _connect(self, deadline: float) -> Any:
        timeout_ms = int(self._settings.ingest_kafka_timeout_s * 1000)
        try:
            return KafkaProducer(
                bootstrap_servers=self._settings.kafka_bootstrap_servers.split(","),
                client_id="tocsin-ingest",
                enable_idempotence=True,
                acks="all",
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                max_request_size=DEAD_LETTERS.max_message_bytes,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=max(500, int((deadline - time.monotonic()) * 1000)),
                max_block_ms=timeout_ms // 2,
                request_timeout_ms=timeout_ms - 2 * LINGER_MS,
                delivery_timeout_ms=timeout_ms,
                reconnect_backoff_max_ms=1_000,
                metrics_enabled=False,
            )
        except (KafkaError, OSError) as error:
            self._next_connect = time.monotonic() + RETRY_CONNECT_AFTER_S
            raise KafkaAway(self._explain(error)) from error

    def _discard(self, producer: Any) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
                self._next_connect = time.monotonic() + RETRY_CONNECT_AFTER_S
        # Closing waits for a broker that is away; nobody should wait with it.
        args = (producer, self._settings.ingest_kafka_timeout_s)
        threading.Thread(target=_close_quietly, args=args, name="close-producer", daemon=True).start()

    def _explain(self, error: Exception) -> str:
        servers = self._settings.kafka_bootstrap_servers
        return f"Kafka at {servers} did not acknowledge (topic {self._articles}): {error or type(error).__name__}"


def _close_quietly(producer: Any, timeout_s: float) -> None:
    try:
        # By then the producer has given up on all it still holds, so that its thread can end.
        producer.close(timeout=timeout_s)
    except (KafkaError, OSError) as error:
        log.debug("a failed producer did not close cleanly", error=str(error))


def _knock(bootstrap_servers: str) -> None:
    for server in bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=1.0):
                return
        except OSError as error:
            failure = error
    raise KafkaAway(f"Kafka at {bootstrap_servers} does not answer: {failure}")
