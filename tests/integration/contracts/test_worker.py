"""The shared worker on a real Kafka: what it reads is neither lost nor stuck, whatever kills it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer

from tocsin_contracts.codec import decode
from tocsin_contracts.create_topics import create_topics
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration

WORKER = Path(__file__).with_name("echo_worker.py")


class Workers:
    """Starts echo workers as processes of their own and ends what is left of them."""

    def __init__(self, settings: KafkaSettings, logs: Path) -> None:
        self.settings = settings
        self.logs = logs
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> tuple[subprocess.Popen[bytes], int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            **os.environ,
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": self.settings.topic_prefix,
            "HEALTH_PORT": str(port),
        }
        with (self.logs / f"worker-{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, WORKER], env=environment, stderr=log)
        self.running.append(process)
        return process, port

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait(10)


@pytest.fixture
def workers(kafka_settings: KafkaSettings, tmp_path: Path) -> Iterator[Workers]:
    started = Workers(kafka_settings, tmp_path)
    yield started
    started.end()


def produce(settings: KafkaSettings, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers, linger_ms=10)
    sent = [producer.send(f"{settings.topic_prefix}articles", key=value, value=value) for value in values]
    for future in sent:
        future.get(20)
    producer.close()


class Reader:
    """Collects everything that arrives on a topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.consumer = KafkaConsumer(
            f"{settings.topic_prefix}{topic}",
            bootstrap_servers=settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
        )
        self.values: list[bytes] = []

    def read_until(self, done: Callable[[set[bytes]], bool], within_s: float = 60) -> Counter[bytes]:
        deadline = time.monotonic() + within_s
        while not done(set(self.values)) and time.monotonic() < deadline:
            for records in self.consumer.poll(timeout_ms=250).values():
                self.values.extend(record.value for record in records)
        return Counter(self.values)


def health(port: int, page: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=2) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, {}


def wait_for(condition: Callable[[], bool], within_s: float = 40) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_a_killed_worker_loses_nothing_and_poison_stops_nothing(
    kafka_settings: KafkaSettings, workers: Workers
) -> None:
    values = [f"article {number}".encode() for number in range(300)]
    produce(kafka_settings, [*values[:150], b"poison", *values[150:]])
    reader = Reader(kafka_settings, "classified")
    first, _ = workers.start()
    assert len(reader.read_until(lambda seen: len(seen) >= 40)) >= 40
    first.send_signal(signal.SIGKILL)
    assert len(set(reader.values)) < 300, "killed too late to show anything"
    _, port = workers.start()
    seen = reader.read_until(lambda seen: len(seen) == 300)
    assert set(seen) == set(values)
    letters = Reader(kafka_settings, "dead-letters")
    assert len(letters.read_until(lambda seen: bool(seen))) == 1
    letter = decode(DeadLetterV1, letters.values[0])
    assert (letter.payload, letter.reason, letter.stage) == (b"poison", "handler-error", "classify")
    assert wait_for(lambda: health(port, "readyz")[1].get("lag") == 0)
    assert health(port, "livez")[0] == 200


def test_a_second_worker_takes_over_and_a_stopped_one_leaves_cleanly(
    kafka_settings: KafkaSettings, workers: Workers
) -> None:
    reader = Reader(kafka_settings, "classified")
    first, port = workers.start()
    assert wait_for(lambda: health(port, "readyz")[0] == 200)
    second, _ = workers.start()
    values = [f"article {number}".encode() for number in range(100)]
    produce(kafka_settings, values)
    assert len(reader.read_until(lambda seen: len(seen) >= 20)) >= 20
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    assert set(reader.read_until(lambda seen: len(seen) == 100)) == set(values)
    second.send_signal(signal.SIGINT)
    assert second.wait(15) == 0


def test_a_worker_waits_for_its_topics_instead_of_giving_up(
    kafka_bootstrap_servers: str, unique_name: str, tmp_path: Path
) -> None:
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka_bootstrap_servers, topic_prefix=f"{unique_name}.", topic_partitions=1
    )
    workers = Workers(settings, tmp_path)
    try:
        process, port = workers.start()
        assert wait_for(lambda: health(port, "readyz")[0] == 503)
        assert process.poll() is None
        assert create_topics(settings)
        assert create_topics(settings) == []
        assert wait_for(lambda: health(port, "readyz")[0] == 200)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        workers.end()
