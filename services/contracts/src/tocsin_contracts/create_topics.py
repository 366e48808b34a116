"""Creates the declared topics on Kafka: `python -m tocsin_contracts.create_topics`, safe to repeat."""

import sys
import time

from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from tocsin_contracts.settings import KafkaSettings, load_settings
from tocsin_contracts.topics import TOPICS, TopicDeclaration


def create_topics(settings: KafkaSettings, *, timeout_s: float = 60.0) -> list[str]:
    """Create the topics that do not exist and return their names.

    Waits up to `timeout_s` seconds for a broker. Raises KafkaError when none answers in time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return _create(settings)
        except KafkaError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.5)


def _create(settings: KafkaSettings) -> list[str]:
    admin = KafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap_servers.split(","),
        client_id="tocsin-create-topics",
    )
    try:
        existing = set(admin.list_topics())
        missing = [topic for topic in TOPICS if topic.full_name(settings.topic_prefix) not in existing]
        created = []
        for topic in missing:
            try:
                admin.create_topics([_new_topic(topic, settings)])
            except TopicAlreadyExistsError:
                continue
            created.append(topic.full_name(settings.topic_prefix))
        if created:
            admin.wait_for_topics(created)
        return created
    finally:
        admin.close()


def _new_topic(topic: TopicDeclaration, settings: KafkaSettings) -> NewTopic:
    return NewTopic(
        name=topic.full_name(settings.topic_prefix),
        num_partitions=settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
        topic_configs={
            "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
            "max.message.bytes": str(topic.max_message_bytes),
        },
    )


def main() -> int:
    """Create the topics that the settings ask for; exit code 1 when Kafka does not answer."""
    settings = load_settings(KafkaSettings)
    try:
        created = create_topics(settings)
    except KafkaError as error:
        print(f"Kafka at {settings.kafka_bootstrap_servers} does not answer: {error}", file=sys.stderr)
        return 1
    print("\n".join(f"created {name}" for name in created) or "all topics exist")
    return 0


if __name__ == "__main__":
    sys.exit(main())
