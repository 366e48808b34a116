"""The relay's producer."""

from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tocsin_alert.relay import SendFailed
from tocsin_contracts.topics import LARGEST_MESSAGE_BYTES
from tocsin_contracts.worker import Outgoing

REQUEST_TIMEOUT_MS: Final = 10_000


class KafkaSender:
    """Sends in order, idempotently, and waits for the acknowledgement of all replicas in sync."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises SendFailed when no broker answers."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id="tocsin-alert-relay",
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            max_request_size=LARGEST_MESSAGE_BYTES,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise SendFailed(f"Kafka at {self._servers}: {error}") from error
        self._producer = producer

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send in order and return when all are acknowledged. Raises SendFailed."""
        if self._producer is None:
            raise SendFailed("not connected")
        try:
            sent = [
                await self._producer.send(item.topic, item.value, key=item.key, headers=item.headers)
                for item in messages
            ]
            for future in sent:
                await future
        except (KafkaError, OSError) as error:
            raise SendFailed(f"Kafka at {self._servers}: {error}") from error

    async def stop(self) -> None:
        """Disconnect; safe to call when not connected."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()
