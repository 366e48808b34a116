"""Copies the stream of alerts to Kafka (`tocsin.alerts`), in order, each entry at least once.

A consumer group in Redis remembers how far it got: an entry is acknowledged there after Kafka has acknowledged it. All
workers read as the same consumer, one at a time by a lease, so that the revisions of an alert stay in order and whoever
takes over first sends what its predecessor left unacknowledged. A repeat carries the same `ce_id` as the first copy.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from tocsin_alert.heed_cancellation import heed_cancellation
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import UnreadableMessage, decode, encode, event_headers
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.topics import ALERTS, DEAD_LETTERS
from tocsin_contracts.worker import Outgoing

log = structlog.get_logger(__name__)

GROUP: Final = "relay"
CONSUMER: Final = "relay"
ENTRIES_AT_ONCE: Final = 100
BLOCK_MS: Final = 1_000
"""Below the client's socket timeout and well below the lease."""
FIRST_PAUSE_S: Final = 0.5
MAX_DOUBLINGS: Final = 5

_HOLD_LEASE: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE_LEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class Sender(Protocol):
    """Sends to Kafka."""

    async def start(self) -> None:
        """Connect. Raises SendFailed."""

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send in order and return when Kafka has acknowledged all. Raises SendFailed."""

    async def stop(self) -> None:
        """Disconnect."""


class SendFailed(Exception):
    """Kafka is away or refuses."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream; no fields when it was trimmed away before it was read."""

    stream_id: str
    fields: Mapping[bytes, bytes]


class AlertRelay:
    """Runs beside the batches, in every worker; the one that holds the lease copies."""

    def __init__(self, client: Redis, sender: Sender, *, redis_prefix: str, topic_prefix: str, lease_s: float) -> None:
        self._client, self._sender, self._lease_s = client, sender, lease_s
        self._stream, self._lease = f"{redis_prefix}alerts", f"{redis_prefix}relay:lease"
        self._alerts, self._dead_letters = ALERTS.full_name(topic_prefix), DEAD_LETTERS.full_name(topic_prefix)
        self._me = uuid4().hex
        self.copied = 0

    async def run(self) -> None:
        """Copy until cancelled; waits while Redis or Kafka is away."""
        failures = 0
        try:
            while True:
                copied = self.copied
                try:
                    await self._copy_as_leader()
                    failures = 0
                except (RedisError, OSError, SendFailed) as error:
                    failures = 1 if self.copied > copied else min(failures + 1, MAX_DOUBLINGS)
                    heed_cancellation()
                    log.warning("relay waits", reason=str(error) or type(error).__name__)
                await asyncio.sleep(min(self._lease_s / 3, FIRST_PAUSE_S * 2**failures))
        finally:
            with contextlib.suppress(RedisError, OSError):
                await self._client.eval(_RELEASE_LEASE, 1, self._lease, self._me)
                await self._client.aclose()

    async def _copy_as_leader(self) -> None:
        """Copy until the lease is lost, nothing when another worker holds it. Raises RedisError, SendFailed."""
        if not await self._hold_lease():
            return
        await self._create_group()
        await self._sender.start()
        try:
            # From 0: what this consumer was given before and did not acknowledge.
            after = "0"
            while await self._hold_lease():
                heed_cancellation()
                entries = await self._read(after)
                if not entries and after != ">":
                    after = ">"
                    continue
                if entries:
                    # Half the lease, so that nobody else has taken over when the entries are acknowledged.
                    async with asyncio.timeout(self._lease_s / 2):
                        await self._sender.send([self._as_message(entry) for entry in entries if entry.fields])
                    await self._client.xack(self._stream, GROUP, *(entry.stream_id for entry in entries))
                    self.copied += len(entries)
        except TimeoutError as error:
            raise SendFailed("Kafka did not acknowledge in time") from error
        finally:
            await self._sender.stop()

    async def _hold_lease(self) -> bool:
        held: Any = await self._client.eval(_HOLD_LEASE, 1, self._lease, self._me, int(self._lease_s * 1_000))
        return bool(held)

    async def _create_group(self) -> None:
        try:
            await self._client.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _read(self, after: str) -> list[Entry]:
        found: Any = await self._client.xreadgroup(
            GROUP, CONSUMER, {self._stream: after}, count=ENTRIES_AT_ONCE, block=BLOCK_MS
        )
        entries = [Entry(stream_id.decode(), fields or {}) for stream_id, fields in _entries_of(found)]
        for entry in entries:
            if not entry.fields:
                log.error("an alert was trimmed from the stream before it was copied", stream_id=entry.stream_id)
        return entries

    def _as_message(self, entry: Entry) -> Outgoing:
        data = entry.fields.get(b"data", b"")
        try:
            alert = decode(AlertV1, data)
        except UnreadableMessage as error:
            return self._refuse(entry, data, error)
        headers = event_headers(alert, service=Stage.ALERT, time=alert.updated_at)
        return Outgoing(self._alerts, alert.alert_id.encode(), data, headers)

    def _refuse(self, entry: Entry, data: bytes, error: UnreadableMessage) -> Outgoing:
        letter = make_dead_letter(
            stage=Stage.ALERT,
            reason=error.reason,
            detail=str(error),
            payload=data,
            failed_at=datetime.now(UTC),
            origin=f"redis stream {self._stream} {entry.stream_id}",
        )
        headers = event_headers(letter, service=Stage.ALERT, time=letter.failed_at)
        return Outgoing(self._dead_letters, None, encode(letter), headers)


def _entries_of(found: Any) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
    """Return the entries in XREADGROUP's answer: a mapping of streams under RESP3, a list of them under RESP2."""
    if isinstance(found, dict):
        return [entry for batches in found.values() for batch in batches for entry in batch]
    return [entry for _, batch in found or [] for entry in batch]
