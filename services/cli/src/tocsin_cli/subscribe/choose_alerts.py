"""Which alerts a subscriber asked for, and which of them it has been told about. Pure."""

from collections import OrderedDict
from dataclasses import dataclass

from tocsin_cli.show.alerts import REMEMBERED_ALERTS, Change, ChangeNamer
from tocsin_contracts.alert import AlertV1, Status


@dataclass(frozen=True)
class Wanted:
    """What a subscriber asked for; an empty set asks for everything. Topics are codes, places ISO codes."""

    min_level: int = 0
    topics: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    status: Status | None = None

    def covers(self, alert: AlertV1) -> bool:
        """Return whether the alert's level, topics, places and rule are among those asked for."""
        topics = {*alert.topics, alert.group.topic}
        places = {*alert.places, alert.group.place}
        return (
            alert.level >= self.min_level
            and (not self.topics or not self.topics.isdisjoint(topics))
            and (not self.places or not self.places.isdisjoint(places))
            and (not self.rules or alert.rule.name in self.rules)
        )


class Chooser:
    """Chooses alerts in the order of the stream.

    Whoever was told that an alert fires is also told what becomes of it: once a revision was covered, the later ones of
    the same alert are chosen too, even when a falling level or changing places would no longer be covered.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._changes = ChangeNamer()
        self._told: OrderedDict[str, None] = OrderedDict()

    def choose(self, alert: AlertV1) -> Change | None:
        """Return what the alert changes when the subscriber wants it, else None; remembers it."""
        change = self._changes.name(alert)
        if alert.alert_id not in self._told and not self._wanted.covers(alert):
            return None
        self._told[alert.alert_id] = None
        if alert.status is Status.RESOLVED:
            del self._told[alert.alert_id]
        elif len(self._told) > REMEMBERED_ALERTS:
            self._told.popitem(last=False)
        return change if self._wanted.status in (None, alert.status) else None
