"""How far each service is behind the end of the topic it reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from tocsin_cli.inspect.read_topic import TopicReader, explain_away, quieten_client
from tocsin_contracts.settings import KafkaSettings
from tocsin_contracts.topics import ARTICLES, CLASSIFIED, TopicDeclaration

READERS: Final[tuple[tuple[str, TopicDeclaration], ...]] = (("classify", ARTICLES), ("alert", CLASSIFIED))
"""The services that read in a consumer group, which is named after them, and their topic."""


@dataclass(frozen=True)
class PartitionLag:
    """One partition: up to where the group committed (None: nothing yet), and where it begins and ends."""

    partition: int
    committed: int | None
    first: int
    end: int

    @property
    def lag(self) -> int:
        """Messages that are still to be read; what retention removed before is not counted."""
        return max(0, self.end - max(self.committed or 0, self.first))


@dataclass(frozen=True)
class GroupLag:
    """A consumer group: Kafka's name for its state, how many members it has, and its partitions."""

    group: str
    topic: str
    state: str
    members: int
    partitions: tuple[PartitionLag, ...]

    @property
    def total(self) -> int:
        """Messages that are still to be read, over all partitions."""
        return sum(partition.lag for partition in self.partitions)


def measure_lag(settings: KafkaSettings, readers: Iterable[tuple[str, TopicDeclaration]]) -> list[GroupLag]:
    """Return the lag of each reader's group. Raises KafkaAway, TopicMissing."""
    return [_measure(settings, service, declaration) for service, declaration in readers]


def _measure(settings: KafkaSettings, service: str, declaration: TopicDeclaration) -> GroupLag:
    topic, group = declaration.full_name(settings.topic_prefix), f"{settings.topic_prefix}{service}"
    with TopicReader(settings, topic) as reader:
        firsts, ends = reader.first_offsets(), reader.end_offsets()
    committed, description = _ask_group(settings, group)
    partitions = []
    for partition, end in sorted(ends.items()):
        found = committed.get(TopicPartition(topic, partition))
        offset = found.offset if found is not None and found.offset >= 0 else None
        partitions.append(PartitionLag(partition, offset, firsts[partition], end))
    state = str(description.get("group_state") or "unknown")
    return GroupLag(group, topic, state, len(description.get("members") or ()), tuple(partitions))


def _ask_group(settings: KafkaSettings, group: str) -> tuple[dict[TopicPartition, Any], dict[str, Any]]:
    quieten_client()
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
            client_id="tocsin-inspect",
            bootstrap_timeout_ms=5_000,
        )
        try:
            return admin.list_group_offsets(group).get(group, {}), admin.describe_groups([group]).get(group, {})
        finally:
            admin.close()
    except KafkaError as error:
        raise explain_away(settings, error) from error
