"""Labelled items go through the very classifier that the service runs, one at a time, and what it says is kept."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tocsin_classify.classify_batch import Classifier
from tocsin_classify.pool_windows import Floats, sigmoid
from tocsin_classify.read_article import read_article
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.labelled import Labelled
from tocsin_contracts.classified import ClassifiedV1, PlaceRole

# Articles carry a time; nothing that is judged depends on it.
FETCHED_AT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Evidence:
    """Where a sentence stands that carries the level."""

    part: str
    start: int
    end: int
    level: int


@dataclass(frozen=True)
class Judged:
    """An item with what was said of it. `topic_scores` holds every topic of the model, in its order.

    `abstained` is the reason, "unknown" where none was given, and None where the model stands by its level.
    """

    item: Labelled
    level: int
    confidence: float
    direction: str
    topics: frozenset[str]
    countries: frozenset[str]
    abstained: str | None = None
    topic_scores: tuple[float, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def judge(
    classifier: Classifier,
    items: Sequence[Labelled],
    listen: Callable[[int, int], None] = lambda done, total: None,
) -> list[Judged]:
    """What the classifier says of each item. `listen` is told how many of how many are done.

    Raises TrainingError naming the item on which the model fails.
    """
    found = []
    for number, item in enumerate(items, start=1):
        try:
            # Alone, as memory stays small so; the service's batches give the same tags.
            (reading,) = classifier.read([read_article(_line(item), FETCHED_AT)])
            (said,) = classifier.tag([reading])
        except Exception as error:
            raise TrainingError(f"the model fails on {item.id}: {type(error).__name__}: {error}") from error
        found.append(_judged(item, said, reading.logits.topics.max(axis=0)))
        listen(number, len(items))
    return found


def _line(item: Labelled) -> bytes:
    given = {"id": item.id, "language": item.language, "title": item.title, "text": item.text}
    return json.dumps(given).encode()


def _judged(item: Labelled, said: ClassifiedV1, topics: Floats) -> Judged:
    escalation = said.escalation
    reason = escalation.abstained_because.value if escalation.abstained_because else "unknown"
    return Judged(
        item=item,
        level=escalation.level,
        confidence=escalation.confidence,
        direction=escalation.direction.value,
        topics=frozenset(topic.code for topic in said.topics),
        countries=frozenset(place.country for place in said.places if place.role is PlaceRole.SCENE),
        abstained=reason if escalation.abstained else None,
        topic_scores=tuple(float(score) for score in sigmoid(topics)),
        evidence=tuple(Evidence(one.part.value, one.start, one.end, one.level) for one in said.evidence),
    )
