"""Messages to bytes and back, and the CloudEvents attributes that travel as Kafka headers.

The headers follow the CloudEvents 1.0 Kafka binding in binary mode.
"""

from datetime import datetime
from typing import Final, TypeVar

from pydantic import ValidationError

from tocsin_contracts.alert import AlertV1
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.fields import Message

M = TypeVar("M", bound=Message)
Headers = list[tuple[str, bytes]]

EVENT_TYPES: Final[dict[type[Message], str]] = {
    ArticleV1: "org.tocsin.article.v1",
    ClassifiedV1: "org.tocsin.classified.v1",
    AlertV1: "org.tocsin.alert.v1",
    DeadLetterV1: "org.tocsin.dead-letter.v1",
}


class UnreadableMessage(ValueError):
    """Bytes that are not the expected message. Never worth a retry with the same bytes.

    `reason` is a slug for counting (`not-json`, `invalid-message`); the text says which field and why.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def encode(message: Message) -> bytes:
    """Return the message as UTF-8 JSON."""
    return message.model_dump_json().encode()


def decode(model: type[M], payload: bytes | None) -> M:
    """Return the message in `payload`.

    Raises UnreadableMessage when it is empty, no JSON or does not fit the model.
    """
    if not payload:
        raise UnreadableMessage("empty-message", "the message has no bytes")
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        reason = "not-json" if error.errors()[0]["type"] == "json_invalid" else "invalid-message"
        raise UnreadableMessage(reason, describe_errors(error)) from error


def describe_errors(error: ValidationError, limit: int = 5) -> str:
    """Return one line that names each failing field and why, without echoing the input."""
    parts = [
        f"{'.'.join(str(step) for step in item['loc']) or 'message'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)[:limit]
    ]
    return "; ".join(parts)


def event_id(message: Message) -> str:
    """Return the CloudEvents id: the same for every repeat of the same message."""
    match message:
        case ArticleV1() | ClassifiedV1():
            return f"{message.article_id}:{message.revision}"
        case AlertV1():
            return f"{message.alert_id}:{message.revision}"
        case DeadLetterV1():
            return message.dead_letter_id
        case _:
            raise TypeError(f"{type(message).__name__} is not sent over Kafka")


def event_headers(message: Message, *, service: str, time: datetime, traceparent: bytes | None = None) -> Headers:
    """Return the Kafka headers for `message`, sent by `service` at `time`; `traceparent` (W3C) is passed on."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id(message).encode()),
        ("ce_type", EVENT_TYPES[type(message)].encode()),
        ("ce_source", f"/tocsin/{service}".encode()),
        ("ce_time", time.isoformat().encode()),
        ("content-type", b"application/json"),
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent))
    return headers
