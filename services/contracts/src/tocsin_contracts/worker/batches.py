"""Works off one batch: handle, send, and do not return before every message is acknowledged.

No exception leaves `work_off`, save cancellation: one that left a Faust batch loop would commit what was not done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.worker.records import Handler, Outgoing, Record, RetryLater
from tocsin_contracts.worker.refuse_record import refuse_record

log = structlog.get_logger(__name__)

Send = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Sends the messages and returns when all are acknowledged.

Raises Unsendable for what Kafka will never take, and any other exception for what may succeed when tried again.
"""

TRIES_BEFORE_SINGLE = 3
"""A batch that fails this often for no known reason is taken apart, so that one bad record cannot hold the rest."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0


class Unsendable(Exception):
    """Kafka refuses the message for what it is, such as its size; sending it again cannot help."""


@dataclass
class Work:
    """A handler, the way to send, and what came of it so far."""

    stage: Stage
    handler: Handler
    send: Send
    dead_letter_topic: str
    records_done: int = 0
    messages_sent: int = 0
    dead_letters: int = 0
    waiting_since: datetime | None = None
    waiting_for: str = ""
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    async def work_off(self, records: Sequence[Record]) -> None:
        """Handle the records and send what comes of them, trying until all of it is acknowledged."""
        if await self._try(records, tries=TRIES_BEFORE_SINGLE) is not None:
            for record in records:
                failure = await self._try([record], tries=TRIES_BEFORE_SINGLE)
                if failure is not None:
                    await self._give_up(record, failure)
        self.records_done += len(records)

    async def _try(self, records: Sequence[Record], *, tries: int) -> Exception | None:
        """Return None when the records are done, or the last failure after `tries` unexplained ones."""
        failures = 0
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._send(await self.handler.handle(records))
            except RetryLater as away:
                self._wait_for(str(away))
            except Exception as failure:
                failures += 1
                log.exception("handling failed", records=len(records), failures=failures)
                if failures >= tries:
                    return failure
            else:
                return None
            await self.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    async def _send(self, outgoing: Sequence[Outgoing]) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self.send(outgoing)
            except Unsendable:
                raise
            except Exception as failure:  # noqa: BLE001 whatever the client raises, the message must still go out
                self._wait_for(f"Kafka: {failure}")
                await self.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.messages_sent += len(outgoing)
                self.dead_letters += sum(message.topic == self.dead_letter_topic for message in outgoing)
                self.waiting_since, self.waiting_for = None, ""
                return

    async def _give_up(self, record: Record, failure: Exception) -> None:
        letter = refuse_record(
            record,
            stage=self.stage,
            dead_letter_topic=self.dead_letter_topic,
            reason="handler-error",
            detail=f"{type(failure).__name__}: {failure}",
            failed_at=datetime.now(UTC),
            retryable=True,
            attempts=2 * TRIES_BEFORE_SINGLE,
        )
        while True:
            try:
                await self._send([letter])
            except Unsendable as refusal:
                # It is within the declared size, so the topic is not as declared: wait for somebody to mend that.
                self._wait_for(f"Kafka refuses a dead letter: {refusal}")
                await self.sleep(LONGEST_PAUSE_S)
            else:
                return

    def _wait_for(self, what: str) -> None:
        if self.waiting_since is None:
            self.waiting_since = datetime.now(UTC)
            log.warning("waiting", reason=what)
        self.waiting_for = what
