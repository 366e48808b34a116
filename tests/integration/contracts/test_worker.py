"""The shared worker on a real Kafka: what it reads is neither lost nor stuck, whatever kills it."""

import signal
from pathlib import Path

import pytest
from kafka import KafkaProducer

from support.processes import Processes, Service
from support.read_topic import read_topic
from support.waiting import wait_for
from tocsin_contracts.codec import decode
from tocsin_contracts.create_topics import create_topics
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration

WORKER = Path(__file__).with_name("echo_worker.py")


def start_worker(processes: Processes, settings: KafkaSettings) -> Service:
    environment = {
        "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "TOCSIN_TOPIC_PREFIX": settings.topic_prefix,
    }
    return processes.start(str(WORKER), port_variable="HEALTH_PORT", environment=environment)


def produce(settings: KafkaSettings, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, linger_ms=10)
    sent = [producer.send(f"{settings.topic_prefix}articles", key=value, value=value) for value in values]
    for future in sent:
        future.get(20)
    producer.close()


def values_on(settings: KafkaSettings, topic: str) -> list[bytes]:
    return [record.value for record in read_topic(settings.kafka_bootstrap_servers, f"{settings.topic_prefix}{topic}")]


def test_a_killed_worker_loses_nothing_and_poison_stops_nothing(
    kafka_settings: KafkaSettings, processes: Processes
) -> None:
    values = [f"article {number}".encode() for number in range(300)]
    produce(kafka_settings, [*values[:150], b"poison", *values[150:]])
    first = start_worker(processes, kafka_settings)
    assert wait_for(lambda: first.health("readyz")[1].get("records_done", 0) >= 40)
    first.stop(signal.SIGKILL)
    assert 40 <= len(set(values_on(kafka_settings, "classified"))) < 300, "killed too late to show anything"

    second = start_worker(processes, kafka_settings)

    assert wait_for(lambda: set(values_on(kafka_settings, "classified")) == set(values))
    assert wait_for(lambda: second.health("readyz")[1].get("lag") == 0)
    # The first may have given it up just before it was killed; then the second does so once more.
    letters = [decode(DeadLetterV1, value) for value in values_on(kafka_settings, "dead-letters")]
    assert {(letter.payload, letter.reason, letter.stage) for letter in letters} == {
        (b"poison", "handler-error", "classify")
    }
    assert len({letter.dead_letter_id for letter in letters}) == 1
    assert second.health("livez")[0] == 200


def test_a_second_worker_takes_over_and_a_stopped_one_leaves_cleanly(
    kafka_settings: KafkaSettings, processes: Processes
) -> None:
    first = start_worker(processes, kafka_settings)
    assert wait_for(first.is_ready)
    second = start_worker(processes, kafka_settings)
    values = [f"article {number}".encode() for number in range(100)]
    produce(kafka_settings, values)
    assert wait_for(lambda: len(values_on(kafka_settings, "classified")) >= 20)
    assert first.stop(signal.SIGTERM) == 0
    # To both partitions, so that the second must own what was the first's.
    more = [f"later {number}".encode() for number in range(50)]
    produce(kafka_settings, more)
    assert wait_for(lambda: set(values_on(kafka_settings, "classified")) == {*values, *more})
    assert second.stop(signal.SIGINT) == 0


def test_a_worker_waits_for_its_topics_instead_of_giving_up(
    kafka_bootstrap_servers: str, unique_name: str, processes: Processes
) -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers, topic_prefix=f"{unique_name}.", topic_partitions=1
    )
    worker = start_worker(processes, settings)
    assert wait_for(lambda: "no topic" in worker.log.read_text(encoding="utf-8"))
    assert worker.health("readyz")[0] == 503
    assert create_topics(settings)
    assert create_topics(settings) == []
    assert wait_for(worker.is_ready)
    assert worker.stop(signal.SIGTERM) == 0
