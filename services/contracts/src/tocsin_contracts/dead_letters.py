"""Builds dead letters, the same way in every service."""

import hashlib
from datetime import datetime

from tocsin_contracts.dead_letter import MAX_KEY_BYTES, MAX_PAYLOAD_BYTES, DeadLetterV1, Stage
from tocsin_contracts.ids import digest_id


def make_dead_letter(
    *,
    stage: Stage,
    reason: str,
    detail: str,
    payload: bytes,
    failed_at: datetime,
    retryable: bool = False,
    attempts: int = 1,
    article_id: str | None = None,
    key: bytes | None = None,
    topic: str | None = None,
    partition: int | None = None,
    offset: int | None = None,
    origin: str | None = None,
) -> DeadLetterV1:
    """Build a dead letter; over-long texts and payloads are cut, never refused: a refusal must not fail itself."""
    where = f"{stage}/{topic}/{partition}/{offset}"
    return DeadLetterV1.model_construct(
        dead_letter_id=digest_id(where, hashlib.sha256(payload).hexdigest()),
        article_id=article_id,
        stage=stage,
        reason=reason,
        detail=_cut(detail, 2_000),
        retryable=retryable,
        attempts=attempts,
        topic=topic,
        partition=partition,
        offset=offset,
        origin=_cut(origin, 2_048) if origin else None,
        key=key[:MAX_KEY_BYTES] if key else None,
        payload=payload[:MAX_PAYLOAD_BYTES],
        # A cut key counts: sent back with it, the record would go to another partition under another name.
        truncated=len(payload) > MAX_PAYLOAD_BYTES or len(key or b"") > MAX_KEY_BYTES,
        failed_at=failed_at,
    )


def _cut(text: str, limit: int) -> str:
    """Return `text` within `limit` characters; a lone surrogate, which UTF-8 cannot hold, as its escape."""
    return text[:limit].encode("utf-8", "backslashreplace").decode()[:limit]
