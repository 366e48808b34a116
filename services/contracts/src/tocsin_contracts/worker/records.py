"""What a handler is given and what it gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tocsin_contracts.codec import Headers


class RetryLater(Exception):
    """Something the handler depends on is away. The batch is tried again, with backoff, and nothing is lost."""


@dataclass(frozen=True)
class Record:
    """One Kafka record as it was read. `topic` is the full name."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    timestamp: datetime | None = None


@dataclass(frozen=True)
class Outgoing:
    """One message to send. `topic` is the full name."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers = field(default_factory=list)


class Handler(Protocol):
    """What a service does with a batch. `handle` may be called again with records it has seen: it must not mind."""

    async def start(self) -> None:
        """Acquire what handling needs; called once before the first batch."""

    async def stop(self) -> None:
        """Release it; called once at the end, also after a failed start."""

    async def handle(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Return what to send for the records, dead letters for bad ones included.

        Raises RetryLater when a dependency is away.
        """

    def health(self) -> Mapping[str, object]:
        """Return facts for the readiness page."""
