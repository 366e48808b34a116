"""DeadLetterV1: what a service could not process, with its original bytes and the reason."""

from enum import StrEnum
from typing import Annotated

from pydantic import Base64Bytes, Field

from tocsin_contracts.fields import Id, Message, Utc

MAX_PAYLOAD_BYTES = 1_048_576
MAX_KEY_BYTES = 4_096


class Stage(StrEnum):
    """The service that gave up on a message."""

    INGEST = "ingest"
    CLASSIFY = "classify"
    ALERT = "alert"


class DeadLetterV1(Message):
    """The original bytes, where they came from, and why they were refused.

    `topic`, `partition` and `offset` are those the message was read from; all are None for what never was on Kafka.
    `dead_letter_id` is a function of stage, position and payload, so that a repeat carries the same id. `payload` is
    base64 in JSON; a payload over `MAX_PAYLOAD_BYTES` is cut there and `truncated` is set.
    """

    dead_letter_id: Id
    article_id: Id | None = None
    stage: Stage
    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    detail: str = Field(default="", max_length=2_000)
    retryable: bool
    attempts: int = Field(default=1, ge=1)
    topic: str | None = Field(default=None, max_length=249)
    partition: int | None = Field(default=None, ge=0)
    offset: int | None = Field(default=None, ge=0)
    origin: str | None = Field(default=None, max_length=2_048, description="feed, file or client it came from")
    key: Base64Bytes | None = Field(default=None, max_length=MAX_KEY_BYTES)
    payload: Base64Bytes
    truncated: bool = False
    failed_at: Utc
