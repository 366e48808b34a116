"""What has arrived so far: articles, classifications, dead letters and alerts, as read from Kafka and Redis."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tocsin_cli.show.alerts import Change
from tocsin_contracts.alert import AlertV1, Status
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1

ArticleKey = tuple[str, int]
"""Article id and revision."""


@dataclass(frozen=True)
class SeenAlert:
    """An alert's revision as it lay on the stream; its id there begins with the milliseconds of its arrival."""

    stream_id: str
    alert: AlertV1
    change: Change

    @property
    def arrived_at(self) -> datetime:
        """When Redis took it."""
        return datetime.fromtimestamp(int(self.stream_id.partition("-")[0]) / 1_000, UTC)


@dataclass
class Tally:
    """Everything seen, each repeat counted but kept once."""

    articles: dict[ArticleKey, ArticleV1] = field(default_factory=dict)
    classified: dict[ArticleKey, ClassifiedV1] = field(default_factory=dict)
    dead_letters: dict[str, DeadLetterV1] = field(default_factory=dict)
    alerts: list[SeenAlert] = field(default_factory=list)
    repeats: int = 0
    """Messages on the topics that repeat an earlier one: allowed (at least once), but none is expected here."""

    def add(self, message: ArticleV1 | ClassifiedV1 | DeadLetterV1) -> None:
        """Count a message of one of the topics."""
        before = len(self.articles) + len(self.classified) + len(self.dead_letters)
        match message:
            case ArticleV1():
                self.articles.setdefault((message.article_id, message.revision), message)
            case ClassifiedV1():
                self.classified.setdefault((message.article_id, message.revision), message)
            case DeadLetterV1():
                self.dead_letters.setdefault(message.dead_letter_id, message)
        self.repeats += before == len(self.articles) + len(self.classified) + len(self.dead_letters)

    @property
    def settled(self) -> int:
        """How many articles and items have ended, as classified or as dead letters."""
        return len(self.classified) + len(self.dead_letters)

    @property
    def firing(self) -> list[AlertV1]:
        """The latest revision of each alert that has not resolved."""
        return [alert for alert in latest(seen.alert for seen in self.alerts) if alert.status is Status.FIRING]

    def per_level(self) -> list[int]:
        """Return how many articles were classified on each level, 0 to 5."""
        counted = Counter(message.escalation.level for message in self.classified.values())
        return [counted[level] for level in range(6)]


def latest(alerts: Iterable[AlertV1]) -> list[AlertV1]:
    """Return the highest revision of each alert, in the order in which the alerts first came."""
    found: dict[str, AlertV1] = {}
    for alert in alerts:
        known = found.get(alert.alert_id)
        if known is None or alert.revision > known.revision:
            found[alert.alert_id] = alert
    return list(found.values())
