"""What a handler is given and what it gives back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from tocsin_contracts.codec import Headers

_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context: version (never ff), trace id and parent id (never all zeros), flags; what is longer is not one."""


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

    @property
    def traceparent(self) -> bytes | None:
        """The W3C trace context in the headers; None where there is none or what stands there is not one."""
        given = self.headers.get("traceparent")
        return given if given and _TRACEPARENT.fullmatch(given) else None


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
