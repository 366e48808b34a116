"""Kafka topics, each declared once: name, key, size, retention, who writes, who reads, which message."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tocsin_contracts.alert import AlertV1
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.fields import Message

DEFAULT_PARTITIONS: Final = 12
"""Enough that workers can be added without changing the number, which would move keys between partitions."""


@dataclass(frozen=True)
class TopicDeclaration:
    """One Kafka topic. `name` is without the prefix that an installation puts before it."""

    name: str
    message: type[Message]
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    retention: timedelta
    partitions: int = DEFAULT_PARTITIONS
    max_message_bytes: int = 1_048_576

    def full_name(self, prefix: str) -> str:
        """Return the topic's name on the broker."""
        return f"{prefix}{self.name}"


ARTICLES: Final = TopicDeclaration(
    name="articles",
    message=ArticleV1,
    key="article_id",
    producers=("ingest",),
    consumers=("classify",),
    retention=timedelta(days=7),
)
CLASSIFIED: Final = TopicDeclaration(
    name="classified",
    message=ClassifiedV1,
    key="article_id",
    producers=("classify",),
    consumers=("alert", "inspect"),
    retention=timedelta(days=30),
)
ALERTS: Final = TopicDeclaration(
    name="alerts",
    message=AlertV1,
    key="alert_id",
    producers=("alert",),
    consumers=("inspect",),
    retention=timedelta(days=365),
)
DEAD_LETTERS: Final = TopicDeclaration(
    name="dead-letters",
    message=DeadLetterV1,
    key="article_id or none",
    producers=("ingest", "classify", "alert"),
    consumers=("dead-letters",),
    retention=timedelta(days=30),
    # The original of up to 1 MiB grows by a third in base64.
    max_message_bytes=2_097_152,
)

TOPICS: Final[tuple[TopicDeclaration, ...]] = (ARTICLES, CLASSIFIED, ALERTS, DEAD_LETTERS)

LARGEST_MESSAGE_BYTES: Final = max(topic.max_message_bytes for topic in TOPICS)
"""What a client that reads or writes every topic must be able to carry."""
