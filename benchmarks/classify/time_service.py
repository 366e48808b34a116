"""One run of the classify service from Kafka to Kafka: articles lie ready, the service starts and works them off."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.classify.child import ROOT, ChildError, read_end
from benchmarks.classify.time_command import environment, rate_after_first_batch
from tocsin_classify.read_article import read_article
from tocsin_cli.stack.ports import free_ports
from tocsin_contracts.codec import encode
from tocsin_contracts.create_topics import create_topics
from tocsin_contracts.settings import KafkaSettings
from tocsin_contracts.topics import ARTICLES, CLASSIFIED, DEAD_LETTERS, TOPICS

BATCH = 32
"""The worker's own."""
LOOK_EVERY_S = 0.5
PARTITIONS = 4


@dataclass(frozen=True)
class ServiceRun:
    """What a run took. Times in seconds; memory of the process when all was done, and its highest."""

    first_s: float
    per_s: float
    resident_bytes: int
    peak_bytes: int


def time_service(
    servers: str,
    articles: Path,
    model: Path,
    threads: int,
    log: Path,
    prefix: Sequence[str] = ("-m", "tocsin_classify"),
) -> ServiceRun:
    """Work off the file under topics of its own, which are deleted after it.

    The moments are those at which the service gave its messages to Kafka, from the messages themselves. Raises
    ChildError when the service ends, or when an article becomes a dead letter.
    """
    settings = KafkaSettings(
        kafka_bootstrap_servers=servers, topic_prefix=f"bench-{uuid.uuid4().hex[:8]}.", topic_partitions=PARTITIONS
    )
    create_topics(settings)
    try:
        return _run(settings, articles, model, threads, log, prefix)
    finally:
        admin = KafkaAdminClient(bootstrap_servers=servers)
        admin.delete_topics([topic.full_name(settings.topic_prefix) for topic in TOPICS])
        admin.close()


def _run(
    settings: KafkaSettings, articles: Path, model: Path, threads: int, log: Path, prefix: Sequence[str]
) -> ServiceRun:
    number = _load_topic(settings, articles)
    started = time.time()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *prefix],
            stdout=output,
            stderr=output,
            cwd=ROOT,
            env=environment(
                os.environ,
                threads,
                TOCSIN_KAFKA_BOOTSTRAP_SERVERS=settings.kafka_bootstrap_servers,
                TOCSIN_TOPIC_PREFIX=settings.topic_prefix,
                TOCSIN_CLASSIFY_MODEL=str(model.resolve()),
                TOCSIN_CLASSIFY_HEALTH_PORT=str(free_ports(1)[0]),
                TOCSIN_WORKER_BATCH_SIZE=str(BATCH),
            ),
        )
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers.split(","))
    try:
        while _length(consumer, CLASSIFIED.full_name(settings.topic_prefix)) < number:
            # Seldom, and only for lengths: the cores are the service's.
            time.sleep(LOOK_EVERY_S)
            refused = _length(consumer, DEAD_LETTERS.full_name(settings.topic_prefix))
            if process.poll() is not None or refused:
                raise ChildError(f"the classify service refused {refused} articles or ended:\n{read_end(log)}")
        resident, peak = read_memory(Path(f"/proc/{process.pid}/status").read_text(encoding="ascii"))
        moments = _moments(consumer, CLASSIFIED.full_name(settings.topic_prefix), number)
    finally:
        consumer.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    since = [moment - started for moment in moments]
    first = min(since)
    return ServiceRun(first, rate_after_first_batch(since, BATCH), resident, peak)


def read_memory(status: str) -> tuple[int, int]:
    """Resident memory now and at its highest, in bytes, from Linux's /proc/PID/status."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024


def _load_topic(settings: KafkaSettings, articles: Path) -> int:
    producer = KafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers.split(","), linger_ms=30)
    topic = ARTICLES.full_name(settings.topic_prefix)
    lines = articles.read_bytes().splitlines()
    sent = []
    for line in lines:
        article = read_article(line, datetime.now(UTC))
        sent.append(producer.send(topic, key=article.article_id.encode(), value=encode(article)))
    for future in sent:
        future.get(60)
    producer.close()
    return len(lines)


def _partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(PARTITIONS)]


def _length(consumer: KafkaConsumer, topic: str) -> int:
    return sum(consumer.end_offsets(_partitions(topic)).values())


def _moments(consumer: KafkaConsumer, topic: str, number: int) -> list[float]:
    consumer.assign(_partitions(topic))
    consumer.seek_to_beginning(*_partitions(topic))
    moments: list[float] = []
    while len(moments) < number:
        for records in consumer.poll(timeout_ms=1_000).values():
            moments.extend(record.timestamp / 1000 for record in records)
    return moments
