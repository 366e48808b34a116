"""The service as a process on real Kafka and Redis: killed and started again, it tells each thing once."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer

from alert_messages import classified
from tocsin_contracts.alert import AlertV1, Status
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration

RULES = """
version: 1
rules:
  - name: quick
    group_by: place
    window: 12s
    lateness: 2s
    fire_when: {stories: 3, sources: 2, level: 3}
    resolve_when: {stories_below: 2, hold: 2s}
"""


class Service:
    """Starts `python -m tocsin_alert` and ends what is left of it."""

    def __init__(self, kafka: KafkaSettings, redis_url: str, redis_prefix: str, folder: Path) -> None:
        self.kafka, self.prefix, self.folder = kafka, redis_prefix, folder
        self.client: redis.Redis = redis.Redis.from_url(redis_url)
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULES, encoding="utf-8")
        self.redis_url = redis_url
        self.processes: list[subprocess.Popen[bytes]] = []
        self.producer = KafkaProducer(bootstrap_servers=kafka.kafka_bootstrap_servers, linger_ms=10)

    def start(self) -> tuple[subprocess.Popen[bytes], int]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {
            **os.environ,
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.kafka.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": self.kafka.topic_prefix,
            "TOCSIN_REDIS_URL": self.redis_url,
            "TOCSIN_REDIS_PREFIX": self.prefix,
            "TOCSIN_RULES_FILE": str(self.rules),
            "TOCSIN_ALERT_HEALTH_PORT": str(port),
            "TOCSIN_ALERT_RELAY_LEASE_S": "3",
        }
        with (self.folder / f"alert-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "tocsin_alert"], env=environment, stderr=log)
        self.processes.append(process)
        return process, port

    def send(self, *messages: ClassifiedV1 | bytes) -> None:
        topic = f"{self.kafka.topic_prefix}classified"
        sent = [
            self.producer.send(topic, key=None if isinstance(item, bytes) else item.article_id.encode(), value=value)
            for item in messages
            for value in [item if isinstance(item, bytes) else encode(item)]
        ]
        for future in sent:
            future.get(20)

    def alerts(self) -> list[AlertV1]:
        entries: Any = self.client.xrange(f"{self.prefix}alerts")
        return [decode(AlertV1, fields[b"data"]) for _, fields in entries]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)
        self.producer.close()
        for key in self.client.scan_iter(f"{self.prefix}*"):
            self.client.delete(key)
        self.client.close()


@pytest.fixture
def service(kafka_settings: KafkaSettings, redis_url: str, redis_prefix: str, tmp_path: Path) -> Iterator[Service]:
    started = Service(kafka_settings, redis_url, redis_prefix, tmp_path)
    yield started
    started.end()


def wait_for(condition: Callable[[], bool], within_s: float = 60) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as response:
            return bool(json.load(response)["redis_durable"] is not False)
    except OSError:
        return False


def reports(count: int, start: int = 0) -> list[ClassifiedV1]:
    now = datetime.now(UTC)
    return [
        classified(f"{country}-{number}", now, source=f"source-{number}", places=[(country, country, 2)])
        for number in range(start, start + count)
        for country in ("SY", "IQ", "LB")
    ]


def test_killed_in_the_middle_it_fires_and_resolves_each_alert_once(service: Service) -> None:
    first, port = service.start()
    assert wait_for(lambda: is_ready(port)), "the service never became ready"
    messages = reports(6)
    service.send(*messages[:4], b"{poison", *messages[4:9])
    assert wait_for(lambda: len(service.alerts()) >= 1)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    # The rest while nobody listens, and everything once more, as after a rebalance.
    service.send(*messages[9:], *messages)

    second, port = service.start()
    assert wait_for(lambda: Counter(alert.status for alert in service.alerts())[Status.RESOLVED] == 3)

    alerts = service.alerts()
    assert max(Counter((alert.alert_id, alert.revision) for alert in alerts).values()) == 1
    fired = [alert.group.place for alert in alerts if alert.revision == 1]
    assert sorted(str(place) for place in fired) == ["IQ", "LB", "SY"]

    copied = KafkaConsumer(
        f"{service.kafka.topic_prefix}alerts",
        bootstrap_servers=service.kafka.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    seen: set[str] = set()

    def is_all_copied() -> bool:
        for records in copied.poll(timeout_ms=200).values():
            seen.update(dict(record.headers)["ce_id"].decode() for record in records)
        return seen == {f"{alert.alert_id}:{alert.revision}" for alert in alerts}

    assert wait_for(is_all_copied)
    copied.close()
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0


def test_bad_rules_end_it_with_one_line_for_each_problem(service: Service) -> None:
    service.rules.write_text(RULES.replace("window: 12s", "window: soon"), encoding="utf-8")

    process, _ = service.start()

    assert process.wait(30) == 2
    told = (service.folder / "alert-0.log").read_text(encoding="utf-8")
    assert f"{service.rules}:6: rules[0].window:" in told
    assert "Traceback" not in told
