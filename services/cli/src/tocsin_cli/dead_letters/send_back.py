"""Sends the originals of dead letters back to the topics they came from, and waits for Kafka's acknowledgement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from tocsin_cli.inspect.read_topic import explain_away, quieten_client
from tocsin_contracts.codec import Headers, UnreadableMessage, decode, event_headers
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings
from tocsin_contracts.topics import TOPICS

REQUEUED_FROM: Final = "tocsin_requeued_from"
"""Header of a message that was sent again: the id of the dead letter that held it."""

_BATCH: Final = 50
_TIMEOUT_MS: Final = 30_000
_LARGEST_BYTES: Final = 2_097_152


@dataclass(frozen=True)
class Sent:
    """What became of one letter: its new position, or the error."""

    dead_letter_id: str
    topic: str
    partition: int | None = None
    offset: int | None = None
    error: str | None = None


def send_back(settings: KafkaSettings, letters: Iterable[DeadLetterV1]) -> Iterator[Sent]:
    """Send each letter's original with its key, and yield the outcome once it is known. Raises KafkaAway.

    The caller has made sure that each letter came from a topic of this installation.
    """
    quieten_client()
    try:
        producer = KafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
            client_id="tocsin-requeue",
            acks="all",
            max_request_size=_LARGEST_BYTES,
            max_block_ms=10_000,
            request_timeout_ms=10_000,
            delivery_timeout_ms=_TIMEOUT_MS,
            bootstrap_timeout_ms=5_000,
        )
    except KafkaError as error:
        raise explain_away(settings, error) from error
    try:
        under_way: list[tuple[DeadLetterV1, Any]] = []
        for letter in letters:
            under_way.append((letter, _send(producer, settings, letter)))
            if len(under_way) >= _BATCH:
                yield from _await(under_way)
                under_way = []
        yield from _await(under_way)
    finally:
        producer.close(timeout=5)


def _send(producer: Any, settings: KafkaSettings, letter: DeadLetterV1) -> Any:
    try:
        return producer.send(letter.topic, key=letter.key, value=letter.payload, headers=_headers(settings, letter))
    except KafkaError as error:
        return error


def _await(under_way: list[tuple[DeadLetterV1, Any]]) -> Iterator[Sent]:
    for letter, future in under_way:
        topic = letter.topic or ""
        try:
            if isinstance(future, KafkaError):
                raise future
            position = future.get(timeout=_TIMEOUT_MS / 1_000)
            yield Sent(letter.dead_letter_id, topic, position.partition, position.offset)
        except KafkaError as error:
            yield Sent(letter.dead_letter_id, topic, error=str(error) or type(error).__name__)


def _headers(settings: KafkaSettings, letter: DeadLetterV1) -> Headers:
    mark: Headers = [(REQUEUED_FROM, letter.dead_letter_id.encode())]
    for declaration in TOPICS:
        if declaration.full_name(settings.topic_prefix) == letter.topic:
            try:
                message = decode(declaration.message, letter.payload)
            except UnreadableMessage:
                # The attributes describe a message; these bytes are none (yet), and are sent as they are.
                return mark
            return event_headers(message, service="dead-letters", time=datetime.now(UTC)) + mark
    return mark
