"""Turns a record that a worker cannot process into a dead letter, the same way in every service."""

import re
from datetime import datetime
from typing import Final

from tocsin_contracts.codec import encode, event_headers
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.worker.records import Outgoing, Record

_ARTICLE_KEY: Final = re.compile(rb"[0-9a-f]{32}")


def refuse_record(
    record: Record,
    *,
    stage: Stage,
    dead_letter_topic: str,
    reason: str,
    detail: str,
    failed_at: datetime,
    retryable: bool = False,
    attempts: int = 1,
) -> Outgoing:
    """Return the dead letter for `record`, to be sent to `dead_letter_topic` (its full name).

    It is keyed by the article id where the record's key is one, else not at all, and carries the record's trace.
    Whatever the record holds, the message is within the size of its topic.
    """
    article_key = record.key if record.key and _ARTICLE_KEY.fullmatch(record.key) else None
    letter = make_dead_letter(
        stage=stage,
        reason=reason,
        detail=detail,
        payload=record.value or b"",
        failed_at=failed_at,
        retryable=retryable,
        attempts=attempts,
        article_id=article_key.decode() if article_key else None,
        key=record.key,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )
    headers = event_headers(letter, service=stage, time=failed_at, traceparent=record.traceparent)
    return Outgoing(dead_letter_topic, article_key, encode(letter), headers)
