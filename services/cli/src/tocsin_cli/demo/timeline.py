"""Which articles have appeared by now, and in which wording."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin_cli.demo.scenario import Scenario, ScenarioArticle


@dataclass(frozen=True)
class Published:
    """What an outlet shows of one article at some time: its latest wording, when it appeared and when it was edited."""

    article: ScenarioArticle
    published_at: datetime
    updated_at: datetime


class Timeline:
    """The scenario laid along the clock. Nothing appears before `start`.

    An edit appears only after the first wording has been fetched, so that a slow machine sees both, as it would had the
    scenario lasted for days. Safe to use from several threads.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._started_at: datetime | None = None
        self._fetched: set[str] = set()
        self._lock = threading.Lock()

    @property
    def started_at(self) -> datetime | None:
        """When the clock was started; None before that."""
        return self._started_at

    def start(self, moment: datetime) -> None:
        """Start the clock."""
        self._started_at = moment

    def elapsed_s(self, now: datetime) -> float:
        """Return the seconds since the start, 0 before it."""
        return 0.0 if self._started_at is None else max(0.0, (now - self._started_at).total_seconds())

    def appeared(self, now: datetime) -> int:
        """Return how many publications have appeared, edits among them."""
        return len(self._due(now))

    def visible(self, outlet: str, now: datetime) -> list[Published]:
        """Return what the outlet shows now, newest first."""
        shown: dict[str, Published] = {}
        for article, moment in self._due(now):
            if article.outlet == outlet:
                first = shown.get(article.id)
                shown[article.id] = Published(article, first.published_at if first else moment, moment)
        return sorted(shown.values(), key=lambda item: item.published_at, reverse=True)

    def mark_fetched(self, published: list[Published]) -> None:
        """Remember that somebody has fetched these."""
        with self._lock:
            self._fetched.update(item.article.id for item in published)

    def _due(self, now: datetime) -> list[tuple[ScenarioArticle, datetime]]:
        if self._started_at is None:
            return []
        elapsed = (now - self._started_at).total_seconds()
        with self._lock:
            fetched = frozenset(self._fetched)
        due: list[tuple[ScenarioArticle, datetime]] = []
        seen: set[str] = set()
        for article in self._scenario.articles:
            if article.at_s <= elapsed and (article.id not in seen or article.id in fetched):
                seen.add(article.id)
                due.append((article, self._started_at + timedelta(seconds=article.at_s)))
        return due
