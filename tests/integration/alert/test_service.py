"""The service as a process on real Kafka and Redis: killed and started again, it tells each thing once."""

import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaProducer

from alert_messages import classified
from support.processes import Processes, Service
from support.read_topic import read_topic
from support.waiting import wait_for
from tocsin_contracts.alert import AlertV1, Status
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings

pytestmark = pytest.mark.integration

RULES = """
version: 1
rules:
  - name: quick
    group_by: place
    window: 30s
    lateness: 2s
    fire_when: {stories: 3, sources: 2, level: 3}
    resolve_when: {stories_below: 2, hold: 2s}
"""


class Line:
    """What goes into `python -m tocsin_alert` and what comes out of it."""

    def __init__(
        self, processes: Processes, kafka: KafkaSettings, redis_url: str, redis_prefix: str, folder: Path
    ) -> None:
        self.processes, self.kafka, self.redis_url, self.prefix = processes, kafka, redis_url, redis_prefix
        self.client: redis.Redis = redis.Redis.from_url(redis_url)
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULES, encoding="utf-8")
        self.producer = KafkaProducer(bootstrap_servers=kafka.kafka_bootstrap_servers, linger_ms=10)

    def start(self) -> Service:
        environment = {
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.kafka.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": self.kafka.topic_prefix,
            "TOCSIN_REDIS_URL": self.redis_url,
            "TOCSIN_REDIS_PREFIX": self.prefix,
            "TOCSIN_RULES_FILE": str(self.rules),
            "TOCSIN_ALERT_RELAY_LEASE_S": "3",
        }
        return self.processes.start(
            "-m", "tocsin_alert", port_variable="TOCSIN_ALERT_HEALTH_PORT", environment=environment
        )

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

    def topic(self, name: str) -> list[Any]:
        return read_topic(self.kafka.kafka_bootstrap_servers, f"{self.kafka.topic_prefix}{name}")

    def end(self) -> None:
        self.producer.close()
        for key in self.client.scan_iter(f"{self.prefix}*"):
            self.client.delete(key)
        self.client.close()


@pytest.fixture
def line(
    processes: Processes, kafka_settings: KafkaSettings, redis_url: str, redis_prefix: str, tmp_path: Path
) -> Iterator[Line]:
    laid = Line(processes, kafka_settings, redis_url, redis_prefix, tmp_path)
    yield laid
    # A service that still ran would write keys again.
    processes.end()
    laid.end()


def is_ready_and_durable(service: Service) -> bool:
    status, facts = service.health("readyz")
    return status == 200 and facts["redis_durable"] is not False


def reports(count: int, start: int = 0) -> list[ClassifiedV1]:
    now = datetime.now(UTC)
    return [
        classified(f"{country}-{number}", now, source=f"source-{number}", places=[(country, country, 2)])
        for number in range(start, start + count)
        for country in ("SY", "IQ", "LB")
    ]


def test_killed_in_the_middle_it_fires_and_resolves_each_alert_once(line: Line) -> None:
    first = line.start()
    assert wait_for(lambda: is_ready_and_durable(first)), "the service never became ready"

    def is_all_resolved() -> bool:
        return Counter(alert.status for alert in line.alerts())[Status.RESOLVED] == 3

    messages = reports(6)
    line.send(*messages[:4], b"{poison", *messages[4:9])
    assert wait_for(lambda: len(line.alerts()) >= 1)
    first.stop(signal.SIGKILL)
    # The rest while nobody listens, and everything once more, as after a rebalance.
    line.send(*messages[9:], *messages)

    # It must be up within the rule's window; later, the articles are too old to fire anything.
    second = line.start()
    assert wait_for(is_all_resolved, within_s=120), line.alerts()

    alerts = line.alerts()
    revisions = [(alert.alert_id, alert.revision) for alert in alerts]
    assert len(set(revisions)) == len(revisions)
    fired = [alert.group.place for alert in alerts if alert.revision == 1]
    assert sorted(str(place) for place in fired) == ["IQ", "LB", "SY"]
    copied = {f"{alert_id}:{revision}".encode() for alert_id, revision in revisions}
    assert wait_for(lambda: {dict(record.headers)["ce_id"] for record in line.topic("alerts")} == copied)
    assert {decode(DeadLetterV1, record.value).payload for record in line.topic("dead-letters")} == {b"{poison"}
    assert second.stop(signal.SIGTERM) == 0


def test_bad_rules_end_it_with_one_line_for_each_problem(line: Line) -> None:
    line.rules.write_text(RULES.replace("window: 30s", "window: soon"), encoding="utf-8")

    service = line.start()

    assert service.process.wait(30) == 2
    told = service.log.read_text(encoding="utf-8")
    assert f"{line.rules}:6: rules[0].window:" in told
    assert "Traceback" not in told
