"""The Faust application, with the settings that were found safe, and the one batch loop that loses nothing."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import faust
from aiokafka.errors import MessageSizeTooLargeError

from tocsin_contracts.topics import LARGEST_MESSAGE_BYTES, TopicDeclaration
from tocsin_contracts.worker.batches import Unsendable, Work
from tocsin_contracts.worker.records import Outgoing, Record
from tocsin_contracts.worker.settings import WorkerSettings


def build_app(service: str, settings: WorkerSettings, data: Path) -> faust.App:
    """Return a Faust app whose consumer group is `<prefix><service>`.

    `data` is a writable directory: Faust makes one for its tables, although Tocsin has none.
    """
    return faust.App(
        f"{settings.topic_prefix}{service}",
        broker=";".join(f"kafka://{server}" for server in settings.kafka_bootstrap_servers.split(",")),
        datadir=str(data),
        store="memory://",
        autodiscover=False,
        # A result is sent again rather than lost; Faust's exactly_once duplicates and fences itself on rebalance.
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=LARGEST_MESSAGE_BYTES,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.worker_session_timeout_s,
        broker_heartbeat_interval=settings.worker_session_timeout_s / 4,
        # Bounds how much is held in memory: the default takes thousands of articles at once.
        broker_max_poll_records=4 * settings.worker_batch_size,
        stream_buffer_maxsize=4 * settings.worker_batch_size,
        # True makes the shutdown hang while acknowledgements are outstanding.
        stream_wait_empty=False,
        # A batch may wait for a dependency as long as it takes; progress.py watches for stalls instead.
        stream_processing_timeout=3600.0,
        producer_linger=0.005,
        producer_max_request_size=LARGEST_MESSAGE_BYTES,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


def add_batch_loop(app: faust.App, source: TopicDeclaration, work: Work, settings: WorkerSettings) -> None:
    """Read `source` in batches and work each off before it is acknowledged."""
    # Raw bytes: a value that a Faust codec cannot decode would stop the stream for good.
    topic = app.topic(source.full_name(settings.topic_prefix), value_type=bytes, value_serializer="raw", key_type=bytes)

    async def read_batches(stream: faust.Stream[bytes]) -> None:
        async for events in stream.noack_take(settings.worker_batch_size, within=settings.worker_batch_within_s):
            await work.work_off([_as_record(event) for event in events])
            for event in events:
                await stream.ack(event)

    # More than one would reorder an article's revisions; scale by partitions instead.
    app.agent(topic, concurrency=1, name=f"{source.name}-batches")(read_batches)


async def send_all(app: faust.App, messages: Sequence[Outgoing]) -> None:
    """Send the messages and wait until Kafka has acknowledged every one.

    Raises Unsendable when a message is too large, else the first failure.
    """
    try:
        await _send_all(app, messages)
    except MessageSizeTooLargeError as error:
        raise Unsendable(str(error)) from error


async def _send_all(app: faust.App, messages: Sequence[Outgoing]) -> None:
    pending = [
        await app.producer.send(
            message.topic,
            message.key,
            message.value,
            partition=None,
            timestamp=None,
            headers=list(message.headers),
        )
        for message in messages
    ]
    await asyncio.gather(*pending)


def _as_record(event: faust.EventT[bytes]) -> Record:
    message = event.message
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers={name: value for name, value in dict(message.headers or {}).items() if isinstance(value, bytes)},
        timestamp=datetime.fromtimestamp(message.timestamp, UTC) if message.timestamp else None,
    )
