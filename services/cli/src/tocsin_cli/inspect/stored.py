"""Messages as they lie on a topic, apart from the client that reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Offsets = Mapping[int, int]
"""An offset for each partition."""
Ranges = Mapping[int, tuple[int, int]]
"""For each partition the first offset and the one after the last."""


class KafkaAway(Exception):
    """Kafka does not answer; the message says what to do."""


class TopicMissing(Exception):
    """The topic does not exist; the message says what to do."""


@dataclass(frozen=True)
class StoredMessage:
    """A message as it lies on a topic. `timestamp` is Kafka's (when it was sent)."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def order(self) -> tuple[float, int, int]:
        """A key that orders messages in time, and by position where times are equal."""
        return (self.timestamp.timestamp() if self.timestamp else 0.0, self.partition, self.offset)
