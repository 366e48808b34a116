"""Invented messages for the tests of the command line's stream commands."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tocsin_contracts.alert import AlertV1
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1, Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.ids import digest_id
from tocsin_contracts.media_topics import TOPIC_NAMES

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def an_article(number: int = 1, **changes: Any) -> ArticleV1:
    """Return an article about an invented dispute; `changes` replace fields."""
    fields: dict[str, Any] = {
        "article_id": digest_id("article", str(number)),
        "revision": 1,
        "content_hash": f"{number:064x}",
        "story_id": digest_id("story", str(number)),
        "url": f"https://news.example/articles/{number}",
        "title": f"Shelling reported near the Orlov bridge, day {number}",
        "text": "Both sides blame each other for the exchange of fire.",
        "language": "en",
        "source": {"name": "Example Courier", "domain": "news.example"},
        "published_at": START + timedelta(minutes=number),
        "fetched_at": START + timedelta(minutes=number, seconds=30),
    }
    return ArticleV1.model_validate(fields | changes)


def a_classified(number: int = 1, *, level: int = 3, **changes: Any) -> ClassifiedV1:
    """Return an article as classify tags it: armed conflict in Syria unless `changes` say otherwise."""
    article = an_article(number).model_dump(exclude={"text"})
    probabilities = [0.02] * 6
    probabilities[level] = 0.9
    fields: dict[str, Any] = article | {
        "lead": "Both sides blame each other.",
        "classified_at": START + timedelta(minutes=number + 1),
        "escalation": {
            "level": level,
            "probabilities": probabilities,
            "confidence": 0.9,
            "direction": "escalating",
            "direction_confidence": 0.8,
        },
        "topics": [{"code": "medtop:20000056", "name": TOPIC_NAMES["medtop:20000056"], "score": 0.9}],
        "places": [{"country": "SY", "name": "Syria", "count": 3}],
        "model": {"name": "test", "version": "1", "scale_version": "hiik-reported-1"},
    }
    return ClassifiedV1.model_validate(fields | changes)


def an_alert(episode: int = 1, *, revision: int = 1, level: int = 3, resolved: bool = False, **changes: Any) -> AlertV1:
    """Return a revision of an alert about fighting in Syria."""
    updated = START + timedelta(minutes=10 * episode + revision)
    fields: dict[str, Any] = {
        "alert_id": digest_id("alert", str(episode)),
        "fingerprint": digest_id("fingerprint", "SY"),
        "revision": revision,
        "status": "resolved" if resolved else "firing",
        "severity": "warning",
        "rule": {"name": "fighting", "version": "1"},
        "group": {"place": "SY"},
        "level": level,
        "direction": "escalating",
        "counts": {"articles": 5, "stories": 4, "sources": 3},
        "threshold": {"level": 3, "stories": 3, "sources": 2},
        "window": {"starts_at": updated - timedelta(hours=24), "ends_at": updated},
        "topics": ["medtop:20000056"],
        "places": ["SY"],
        "starts_at": START + timedelta(minutes=10 * episode),
        "updated_at": updated,
        "ends_at": updated if resolved else None,
        "evidence": [
            {
                "article_id": digest_id("article", str(number)),
                "revision": 1,
                "story_id": digest_id("story", str(number)),
                "title": f"Shelling reported near the Orlov bridge, day {number}",
                "url": f"https://news.example/articles/{number}",
                "source": {"name": "Example Courier", "domain": "news.example"},
                "level": level,
                "direction": "escalating",
                "published_at": START,
                "topic": "tocsin.classified",
                "partition": 0,
                "offset": number,
            }
            for number in (1, 2)
        ],
        "summary": "Syria: 4 stories from 3 sources report level 3 (violent crisis) in 24 h.",
    }
    return AlertV1.model_validate(fields | changes)


def a_dead_letter(number: int = 1, **changes: Any) -> DeadLetterV1:
    """Return a dead letter of classify; `changes` are arguments of make_dead_letter."""
    arguments: dict[str, Any] = {
        "stage": Stage.CLASSIFY,
        "reason": "not-json",
        "detail": "message: Invalid JSON",
        "payload": f"not json {number}".encode(),
        "failed_at": START + timedelta(minutes=number),
        "key": b"key",
        "topic": "tocsin.articles",
        "partition": 0,
        "offset": number,
    }
    return make_dead_letter(**(arguments | changes))
