"""The whole line under test: a local stack of its own, and what a test does to it and reads from it."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar

import redis
from kafka import KafkaProducer

from support.read_topic import read_topic
from tocsin_cli.stack.local_stack import LocalStack
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import decode
from tocsin_contracts.worker.run import OFFSETS_EVERY_S

T = TypeVar("T")


def eventually(read: Callable[[], T], good: Callable[[T], bool], within_s: float = 90) -> T:
    """Return what `read` gives as soon as it is good, or its last value after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while True:
        value = read()
        if good(value) or time.monotonic() >= deadline:
            return value
        time.sleep(0.2)


@dataclass
class Answer:
    """An answer of ingest's API."""

    status: int
    body: dict[str, object]
    headers: Message


class Line:
    """A running stack with a test's view of both its ends."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.prefix = stack.config.topic_prefix
        self.redis_prefix = stack.config.redis_prefix

    def push(self, articles: list[dict[str, object]], timeout_s: float = 60) -> Answer:
        """Push articles to ingest once. Raises OSError while ingest is away."""
        request = urllib.request.Request(
            f"{self.stack.ingest_url}/v1/articles",
            data=json.dumps(articles).encode(),
            headers={"content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                return Answer(response.status, json.load(response), response.headers)
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.load(error), error.headers)

    def push_until_accepted(self, articles: list[dict[str, object]], within_s: float = 90) -> Answer:
        """Push as a patient client does: again after a lost connection or a 503."""

        def attempt() -> Answer | None:
            try:
                return self.push(articles)
            except (OSError, ValueError):
                return None

        answer = eventually(attempt, lambda got: got is not None and got.status == 202, within_s)
        assert answer is not None, "ingest never answered"
        assert answer.status == 202, answer
        return answer

    def read(self, topic: str) -> list[bytes]:
        """Return every message on a topic, from its beginning to its present end."""
        records = read_topic(self.stack.kafka_bootstrap_servers, f"{self.prefix}{topic}")
        return [record.value for record in records]

    def classified_ids(self) -> list[str]:
        """Return the article id of every message on the classified topic."""
        return [json.loads(value)["article_id"] for value in self.read("classified")]

    def produce(self, topic: str, values: list[bytes]) -> None:
        """Put raw bytes onto a topic."""
        producer = KafkaProducer(bootstrap_servers=self.stack.kafka_bootstrap_servers)
        for future in [producer.send(f"{self.prefix}{topic}", value=value) for value in values]:
            future.get(30)
        producer.close()

    def alerts(self, place: str) -> list[AlertV1]:
        """Return the alerts of one country, in the order of the stream."""
        client = redis.Redis.from_url(self.stack.redis_url)
        entries: Any = client.xrange(f"{self.redis_prefix}alerts")
        client.close()
        alerts = [decode(AlertV1, fields[b"data"]) for _, fields in entries]
        return [alert for alert in alerts if alert.group.place == place]

    def idle(self, within_s: float = 60) -> bool:
        """Wait until neither classify nor alert has anything left to do; return whether that came."""

        def lag() -> int | None:
            try:
                total = 0
                for name in ("classify", "alert"):
                    with urllib.request.urlopen(f"http://127.0.0.1:{self.stack.ports[name]}/readyz", timeout=5) as page:
                        total += int(json.load(page)["lag"])
            except (OSError, ValueError):
                return None
            return total

        if eventually(lag, lambda value: value == 0, within_s) != 0:
            return False
        # The lag is measured every few seconds: only what is still 0 after another measurement counts.
        time.sleep(OFFSETS_EVERY_S + 1)
        return eventually(lag, lambda value: value == 0, within_s) == 0

    def tocsin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command line against this stack, its output to be read by the caller."""
        return subprocess.Popen(
            [sys.executable, "-m", "tocsin_cli", *arguments],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def environment(self) -> dict[str, str]:
        """Return the environment in which the command line finds this stack."""
        return {
            **os.environ,
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": self.stack.kafka_bootstrap_servers,
            "TOCSIN_REDIS_URL": self.stack.redis_url,
            "TOCSIN_TOPIC_PREFIX": self.prefix,
            "TOCSIN_REDIS_PREFIX": self.redis_prefix,
        }


def logs_of(stack: LocalStack) -> str:
    """Return the last lines of every part's log, for a failing test."""
    parts = []
    for log in sorted(Path(stack.directory.logs).glob("*.log")):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        parts.append("\n".join([f"--- {log.name}", *lines]))
    return "\n".join(parts)
