"""Fixtures that give tests a real Kafka and a real Redis, each test under names of its own."""

import os
import uuid

import pytest

from tocsin_contracts.create_topics import create_topics
from tocsin_contracts.settings import KafkaSettings


@pytest.fixture(scope="session")
def kafka_bootstrap_servers() -> str:
    """Address of a real Kafka: the one that TOCSIN_KAFKA_BOOTSTRAP_SERVERS names, else one started for the session."""
    return os.environ["TOCSIN_KAFKA_BOOTSTRAP_SERVERS"]


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of a real Redis: the one that TOCSIN_REDIS_URL names, else one started for the session."""
    return os.environ["TOCSIN_REDIS_URL"]


@pytest.fixture
def unique_name() -> str:
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def redis_prefix(unique_name: str) -> str:
    """A Redis key prefix that no other test uses."""
    return f"{unique_name}:"


@pytest.fixture
def kafka_settings(kafka_bootstrap_servers: str, unique_name: str) -> KafkaSettings:
    """Kafka settings whose topics (two partitions each) exist and belong to this test alone."""
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers,
        topic_prefix=f"{unique_name}.",
        topic_partitions=2,
    )
    create_topics(settings)
    return settings
