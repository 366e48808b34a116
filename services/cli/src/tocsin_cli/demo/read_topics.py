"""Reads the demo's topics from their beginning, without a consumer group: a bystander that moves nothing."""

from types import TracebackType
from typing import Final, Self

from kafka import KafkaConsumer, TopicPartition

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings
from tocsin_contracts.topics import ARTICLES, CLASSIFIED, DEAD_LETTERS

_MODELS: Final[dict[str, type[ArticleV1] | type[ClassifiedV1] | type[DeadLetterV1]]] = {
    ARTICLES.name: ArticleV1,
    CLASSIFIED.name: ClassifiedV1,
    DEAD_LETTERS.name: DeadLetterV1,
}


class TopicReader:
    """Every message on the topics of articles, classifications and dead letters, as it comes."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._prefix = settings.topic_prefix
        self._consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
            client_id="tocsin-demo",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        self._consumer.assign(
            [
                TopicPartition(f"{self._prefix}{name}", partition)
                for name in _MODELS
                for partition in range(settings.topic_partitions)
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def poll(self, timeout_s: float) -> list[ArticleV1 | ClassifiedV1 | DeadLetterV1]:
        """Return what has come, at the latest after `timeout_s`. Raises KafkaError, UnreadableMessage."""
        batches = self._consumer.poll(timeout_ms=int(timeout_s * 1_000))
        return [
            decode(_MODELS[partition.topic.removeprefix(self._prefix)], record.value)
            for partition, records in batches.items()
            for record in records
        ]
