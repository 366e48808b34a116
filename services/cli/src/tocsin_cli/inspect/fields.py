"""The fields of each topic's messages that `--where` knows, and what their values are compared as. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

from tocsin_contracts.alert import AlertV1, Severity, Status
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import Abstention, ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.fields import Message
from tocsin_contracts.scale import Direction

Value = str | float | bool | datetime
Read = Callable[[Any], list[Value]]


class Kind(Enum):
    """How a field's values are written and compared."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    TRUTH = "yes or no"
    LEVEL = "level 0 to 5"
    TOPIC = "topic"
    PLACE = "country"
    CHOICE = "choice"


@dataclass(frozen=True)
class Field:
    """A field: its kind, how to read its values from a message (none when absent), and the choices in their order."""

    kind: Kind
    read: Read
    choices: tuple[str, ...] = ()


def _one(value: Value | None) -> list[Value]:
    return [] if value is None else [value]


def _text(name: str) -> Field:
    return Field(Kind.TEXT, lambda message: _one(getattr(message, name)))


def _number(name: str) -> Field:
    return Field(Kind.NUMBER, lambda message: _one(getattr(message, name)))


def _time(name: str) -> Field:
    return Field(Kind.TIME, lambda message: _one(getattr(message, name)))


def _choice(read: Read, choices: type[Enum]) -> Field:
    return Field(Kind.CHOICE, read, tuple(choice.value for choice in choices))


def _of_source(message: ArticleV1 | ClassifiedV1) -> list[Value]:
    return [value for value in (message.source.domain, message.source.name) if value]


def _reason(message: ClassifiedV1) -> list[Value]:
    because = message.escalation.abstained_because
    return [] if because is None else [because.value]


_OF_ARTICLE: Final[dict[str, Field]] = {
    "article_id": _text("article_id"),
    "story_id": _text("story_id"),
    "revision": _number("revision"),
    "title": _text("title"),
    "url": _text("url"),
    "language": _text("language"),
    "feed": _text("feed"),
    "source": Field(Kind.TEXT, _of_source),
    "published_at": _time("published_at"),
    "fetched_at": _time("fetched_at"),
}

FIELDS: Final[Mapping[type[Message], Mapping[str, Field]]] = {
    ArticleV1: _OF_ARTICLE | {"text": _text("text")},
    ClassifiedV1: _OF_ARTICLE
    | {
        "lead": _text("lead"),
        "level": Field(Kind.LEVEL, lambda message: [message.escalation.level]),
        "confidence": Field(Kind.NUMBER, lambda message: [message.escalation.confidence]),
        "direction": _choice(lambda message: [message.escalation.direction.value], Direction),
        "abstained": Field(Kind.TRUTH, lambda message: [message.escalation.abstained]),
        "because": _choice(_reason, Abstention),
        "topic": Field(Kind.TOPIC, lambda message: [topic.code for topic in message.topics]),
        "place": Field(Kind.PLACE, lambda message: [place.country for place in message.places]),
        "model": Field(Kind.TEXT, lambda message: [message.model.name, message.model.version]),
        "classified_at": _time("classified_at"),
    },
    AlertV1: {
        "alert_id": _text("alert_id"),
        "fingerprint": _text("fingerprint"),
        "revision": _number("revision"),
        "status": _choice(lambda message: [message.status.value], Status),
        "severity": _choice(lambda message: [message.severity.value], Severity),
        "rule": Field(Kind.TEXT, lambda message: [message.rule.name]),
        "level": Field(Kind.LEVEL, lambda message: [message.level]),
        "direction": _choice(lambda message: [message.direction.value], Direction),
        "topic": Field(Kind.TOPIC, lambda m: [*m.topics, *_one(m.group.topic)]),
        "place": Field(Kind.PLACE, lambda m: [*m.places, *_one(m.group.place)]),
        "articles": Field(Kind.NUMBER, lambda message: [message.counts.articles]),
        "stories": Field(Kind.NUMBER, lambda message: [message.counts.stories]),
        "sources": Field(Kind.NUMBER, lambda message: [message.counts.sources]),
        "source": Field(Kind.TEXT, lambda m: [value for item in m.evidence for value in _of_source(item)]),
        "article_id": Field(Kind.TEXT, lambda message: [item.article_id for item in message.evidence]),
        "title": Field(Kind.TEXT, lambda message: [item.title for item in message.evidence]),
        "summary": _text("summary"),
        "starts_at": _time("starts_at"),
        "updated_at": _time("updated_at"),
        "ends_at": _time("ends_at"),
    },
    DeadLetterV1: {
        "dead_letter_id": _text("dead_letter_id"),
        "article_id": _text("article_id"),
        "stage": _choice(lambda message: [message.stage.value], Stage),
        "reason": _text("reason"),
        "detail": _text("detail"),
        "retryable": Field(Kind.TRUTH, lambda message: [message.retryable]),
        "attempts": _number("attempts"),
        "origin": _text("origin"),
        "failed_at": _time("failed_at"),
    },
}
