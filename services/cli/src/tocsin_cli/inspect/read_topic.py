"""Reads a topic's messages without a consumer group, so that no service ever notices. Alone in consuming from Kafka."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from tocsin_cli.inspect.stored import KafkaAway, Offsets, Ranges, StoredMessage, TopicMissing
from tocsin_contracts.settings import KafkaSettings

_ANSWER_MS: Final = 10_000
_POLL_MS: Final = 300
_SILENCE_S: Final = 10.0
"""Without messages for so long, Kafka is asked whether it is still there."""
_BUFFERED_BYTES: Final = 4_000_000
"""Per partition; a partition that is ahead of the others in time waits there."""


def explain_away(settings: KafkaSettings, error: BaseException) -> KafkaAway:
    """Return the error for a Kafka that does not answer."""
    return KafkaAway(
        f"Kafka at {settings.kafka_bootstrap_servers} does not answer ({type(error).__name__}). "
        "`tocsin up` starts one, TOCSIN_KAFKA_BOOTSTRAP_SERVERS names another."
    )


def explain_missing(settings: KafkaSettings, topic: str) -> TopicMissing:
    """Return the error for a topic that does not exist."""
    return TopicMissing(
        f"Topic {topic} does not exist on Kafka at {settings.kafka_bootstrap_servers}. `tocsin up` creates the topics; "
        f"their names begin with TOCSIN_TOPIC_PREFIX, now {settings.topic_prefix}"
    )


def quieten_client() -> None:
    """Keep the client's own log lines off the terminal: what matters in them is said in our words."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)


class TopicReader:
    """A consumer of one topic, assigned by hand and committing nothing. Use it as a context manager.

    Opening raises KafkaAway, TopicMissing; every method raises KafkaAway.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        quieten_client()
        self._settings = settings
        self.topic = topic
        self._consumer: Any = None
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
                client_id="tocsin-inspect",
                group_id=None,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                # What retention removed since the range was chosen is passed over.
                auto_offset_reset="earliest",
                bootstrap_timeout_ms=_ANSWER_MS // 2,
                request_timeout_ms=_ANSWER_MS,
            )
            self.partitions = sorted(self._consumer.partitions_for_topic(topic) or ())
        except KafkaError as error:
            self.close()
            raise explain_away(settings, error) from error
        if not self.partitions:
            self.close()
            raise explain_missing(settings, topic)

    def __enter__(self) -> "TopicReader":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._consumer is not None:
            self._consumer.close(timeout_ms=1_000)

    def first_offsets(self) -> Offsets:
        """Return the offset of each partition's first message."""
        return self._ask(lambda: self._consumer.beginning_offsets(self._all(), timeout_ms=_ANSWER_MS))

    def end_offsets(self) -> Offsets:
        """Return the offset after each partition's last message."""
        return self._ask(lambda: self._consumer.end_offsets(self._all(), timeout_ms=_ANSWER_MS))

    def offsets_at(self, moment: datetime) -> Offsets:
        """Return for each partition the offset of the first message sent at `moment` or later, else its end."""
        ends = self.end_offsets()
        at_ms = max(0, int(moment.timestamp() * 1_000))
        try:
            found = self._consumer.offsets_for_times(dict.fromkeys(self._all(), at_ms), timeout_ms=_ANSWER_MS)
        except KafkaError as error:
            raise explain_away(self._settings, error) from error
        return {
            partition.partition: at.offset if at is not None and at.offset >= 0 else ends[partition.partition]
            for partition, at in found.items()
        }

    def read(self, ranges: Ranges) -> Iterator[StoredMessage]:
        """Yield the messages in the ranges, merged across partitions in the order of their times."""
        unread = {partition: end for partition, (start, end) in ranges.items() if start < end}
        self._seek({partition: ranges[partition][0] for partition in unread})
        waiting: dict[int, deque[StoredMessage]] = {partition: deque() for partition in unread}
        sizes = dict.fromkeys(unread, 0)
        last_progress = time.monotonic()
        while True:
            # The earliest is known only once each partition shows its next message or has none left.
            while all(waiting[partition] for partition in unread):
                heads = [queue[0] for queue in waiting.values() if queue]
                if not heads:
                    return
                earliest = min(heads, key=lambda message: message.order)
                waiting[earliest.partition].popleft()
                sizes[earliest.partition] -= len(earliest.value or b"")
                yield earliest
            self._hold_back([p for p in sizes if p not in unread or (waiting[p] and sizes[p] > _BUFFERED_BYTES)])
            arrived = self._poll()
            for message in arrived:
                if message.partition in unread and message.offset < unread[message.partition]:
                    waiting[message.partition].append(message)
                    sizes[message.partition] += len(message.value or b"")
            before = len(unread)
            for partition, end in list(unread.items()):
                position = self._consumer.position(TopicPartition(self.topic, partition), timeout_ms=_ANSWER_MS)
                if position is not None and position >= end:
                    del unread[partition]
            if arrived or len(unread) < before:
                last_progress = time.monotonic()
            elif time.monotonic() - last_progress > _SILENCE_S:
                self.end_offsets()
                last_progress = time.monotonic()

    def follow(self, starts: Offsets, away: Callable[[str], None]) -> Iterator[StoredMessage]:
        """Yield messages from `starts` on, as they come, without end; `away` is told once when Kafka is away, or back.

        Each batch is in the order of time; a message may still come later than a younger one of another partition.
        """
        self._seek(starts)
        last_sign, silent = time.monotonic(), False
        while True:
            arrived = self._poll()
            yield from arrived
            if not arrived and time.monotonic() - last_sign <= _SILENCE_S:
                continue
            try:
                if not arrived:
                    self.end_offsets()
                if silent:
                    away(f"Kafka at {self._settings.kafka_bootstrap_servers} answers again.")
                silent = False
            except KafkaAway as error:
                if not silent:
                    away(f"{error} Waiting for it.")
                silent = True
            last_sign = time.monotonic()

    def _all(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, partition) for partition in self.partitions]

    def _ask(self, question: Callable[[], dict[TopicPartition, int]]) -> Offsets:
        try:
            return {partition.partition: offset for partition, offset in question().items()}
        except KafkaError as error:
            raise explain_away(self._settings, error) from error

    def _seek(self, starts: Offsets) -> None:
        self._consumer.assign([TopicPartition(self.topic, partition) for partition in starts])
        for partition, offset in starts.items():
            self._consumer.resume(TopicPartition(self.topic, partition))
            self._consumer.seek(TopicPartition(self.topic, partition), offset)

    def _hold_back(self, partitions: list[int]) -> None:
        held = {TopicPartition(self.topic, partition) for partition in partitions}
        paused = self._consumer.paused()
        self._consumer.pause(*(held - paused))
        self._consumer.resume(*(paused - held))

    def _poll(self) -> list[StoredMessage]:
        try:
            batches = self._consumer.poll(timeout_ms=_POLL_MS)
        except KafkaError as error:
            raise explain_away(self._settings, error) from error
        messages = [_stored(record) for records in batches.values() for record in records]
        return sorted(messages, key=lambda message: message.order)


def _stored(record: Any) -> StoredMessage:
    sent = record.timestamp
    return StoredMessage(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp=datetime.fromtimestamp(sent / 1_000, UTC) if sent is not None and sent >= 0 else None,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers or ()),
    )
