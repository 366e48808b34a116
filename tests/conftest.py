"""Fixtures that give tests a real Kafka and a real Redis, each test under names of its own.

Without TOCSIN_KAFKA_BOOTSTRAP_SERVERS and TOCSIN_REDIS_URL the servers that are missing are started for the session by
the project's own launcher. When that fails, the tests that need them fail.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.own_redis import OwnRedis
from support.processes import Processes
from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.local_stack import LocalStack
from tocsin_contracts.create_topics import create_topics
from tocsin_contracts.settings import KafkaSettings

# A shell starts background commands with SIGINT ignored, which the programs under test would inherit and then not end.
signal.signal(signal.SIGINT, signal.default_int_handler)

SERVERS = {"kafka": "TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "redis": "TOCSIN_REDIS_URL"}


@pytest.fixture(scope="session")
def started_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Kafka and Redis started for this session, on free ports and in a temporary directory; stopped at its end."""
    config = StackConfig.isolated(
        tmp_path_factory.mktemp("stack"),
        parts=tuple(name for name, variable in SERVERS.items() if not os.environ.get(variable)),
        create_topics=False,
        startup_timeout_s=240,
    )
    with LocalStack(config) as stack:
        yield stack


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(request: pytest.FixtureRequest) -> str:
    """Address of a real Kafka: the one that TOCSIN_KAFKA_BOOTSTRAP_SERVERS names, else one started for the session."""
    if named := os.environ.get(SERVERS["kafka"]):
        return named
    stack: LocalStack = request.getfixturevalue("started_servers")
    return stack.kafka_bootstrap_servers


@pytest.fixture(scope="session")
def redis_url(request: pytest.FixtureRequest) -> str:
    """URL of a real Redis: the one that TOCSIN_REDIS_URL names, else one started for the session."""
    if named := os.environ.get(SERVERS["redis"]):
        return named
    stack: LocalStack = request.getfixturevalue("started_servers")
    return stack.redis_url


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


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Starts services as processes, which end with the test at the latest."""
    started = Processes(tmp_path)
    yield started
    started.end()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    """A Redis of this test alone, running."""
    server = OwnRedis(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()
