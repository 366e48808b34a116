"""Rules, contributions and messages for the tests of the alert service, and a driver that plays arrivals to the engine.

Times are whole seconds counted from `T0`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tocsin_alert.contribution import Contribution, Position
from tocsin_alert.engine import Kind, Transition, evaluate, next_due
from tocsin_alert.moments import SECOND, from_micros, to_micros
from tocsin_alert.rule import Rule
from tocsin_alert.state import GroupState, dump_state, load_state
from tocsin_contracts.alert import Group
from tocsin_contracts.classified import ClassifiedV1, Escalation, ModelIdentity, Place, TaggedTopic
from tocsin_contracts.fields import Source
from tocsin_contracts.ids import digest_id
from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import SCALE_VERSION, Direction

T0 = to_micros(datetime(2026, 3, 17, 9, 0, tzinfo=UTC))


def at(seconds: float) -> int:
    """Return the moment `seconds` after T0, in microseconds."""
    return T0 + round(seconds * SECOND)


def seconds(moment: int) -> int:
    """Return the whole seconds from T0 to `moment`."""
    return (moment - T0) // SECOND


def make_rule(**changes: Any) -> Rule:
    """Return a rule: 2 stories from 2 sources at level 3 in 40 s; resolves below 2 held for 15 s; 10 s lateness."""
    content: dict[str, Any] = {
        "name": "test-rule",
        "group_by": "place",
        "window": "40s",
        "lateness": "10s",
        "fire_when": {"stories": 2, "sources": 2, "level": 3},
        "resolve_when": {"hold": "15s"},
        **changes,
    }
    return Rule.model_validate(content)


def contribution(
    article: str,
    seconds_at: float,
    *,
    story: str | None = None,
    source: str | None = None,
    level: int = 3,
    revision: int = 1,
    counts: bool = True,
    direction: Direction = Direction.ESCALATING,
) -> Contribution:
    """Return a contribution; article and story are short names, each its own story and source unless told."""
    name = source or f"source-{article}"
    return Contribution(
        article_id=digest_id(article),
        revision=revision,
        story_id=digest_id("story", story or article),
        at=at(seconds_at),
        counts=counts,
        level=level,
        direction=direction,
        source=Source(name=name, domain=f"{name}.example"),
        title=f"Report {article}",
        url=f"https://{name}.example/{article}",
        topics=("medtop:20000056",),
        places=("SY",),
        position=Position("tocsin.classified", 0, 7),
    )


def classified(
    article: str,
    published_at: datetime,
    *,
    story: str | None = None,
    source: str | None = None,
    level: int = 4,
    revision: int = 1,
    direction: Direction = Direction.ESCALATING,
    places: Sequence[tuple[str, str, int]] = (("SY", "Syria", 3),),
    topics: Sequence[str] = ("medtop:20000056",),
    abstained: bool = False,
    confidence: float = 0.9,
    fetched_at: datetime | None = None,
) -> ClassifiedV1:
    """Return a message of classify about an invented report."""
    name = source or f"source-{article}"
    fetched = fetched_at or published_at
    return ClassifiedV1(
        article_id=digest_id(article),
        revision=revision,
        content_hash=digest_id(article, str(revision)) * 2,
        story_id=digest_id("story", story or article),
        url=f"https://{name}.example/{article}",
        title=f"Report {article}",
        lead="Shells fell on the bridge.",
        language="en",
        source=Source(name=name, domain=f"{name}.example"),
        published_at=published_at,
        fetched_at=fetched,
        classified_at=fetched,
        escalation=Escalation(
            level=level,
            probabilities=[confidence if index == level else (1 - confidence) / 5 for index in range(6)],
            confidence=confidence,
            direction=direction,
            direction_confidence=0.8,
            abstained=abstained,
        ),
        topics=[TaggedTopic(code=code, name=TOPIC_NAMES[code], score=0.9) for code in topics],
        places=[Place(country=country, name=country_name, count=count) for country, country_name, count in places],
        model=ModelIdentity(name="test-model", version="1.0.0", scale_version=SCALE_VERSION),
    )


@dataclass(frozen=True)
class Arrival:
    """A contribution and when it arrives, in seconds."""

    contribution: Contribution
    received: int


@dataclass
class Player:
    """Plays arrivals and timers to the engine, as the service does, through the stored form of the state."""

    rule: Rule
    state: GroupState = field(default_factory=lambda: GroupState(Group(place="SY"), "Syria"))
    told: list[Transition] = field(default_factory=list)

    def arrive(self, item: Contribution, received: int) -> list[Transition]:
        """Let timers run up to `received`, then hand the contribution over; return what that alone announced."""
        self.wait_until(received)
        return self._evaluate(item, at(received))

    def wait_until(self, moment: int) -> list[Transition]:
        """Run the timers that are due up to `moment`."""
        found = []
        while (due := next_due(self.rule, self.state)) is not None and due <= at(moment):
            found += self._evaluate(None, due)
            following = next_due(self.rule, self.state)
            assert following is None or following > due, "a timer must not be due again at once"
        return found

    def finish(self) -> None:
        """Run the timers to the end, when nothing is left to remember."""
        for _ in range(1_000):
            due = next_due(self.rule, self.state)
            if due is None:
                assert self.state.is_idle
                return
            self._evaluate(None, due)
        raise AssertionError("the group never comes to rest")

    def evaluate_now(self, moment: int) -> list[Transition]:
        """Evaluate without a contribution, due or not."""
        return self._evaluate(None, at(moment))

    def _evaluate(self, item: Contribution | None, now: int) -> list[Transition]:
        self.state, transitions = evaluate(self.rule, self.state, item, now)
        restored, _ = load_state(dump_state(self.state, self.rule))
        assert restored == self.state
        self.state = restored
        self.told += transitions
        return transitions

    @property
    def episodes(self) -> list[tuple[int, int, int]]:
        """Return (start, highest level, end) in seconds of every alert that was resolved, in order."""
        return [
            (seconds(item.starts_at), item.level, seconds(item.ends_at))
            for item in self.told
            if item.kind is Kind.RESOLVED and item.ends_at is not None
        ]


def play(rule: Rule, arrivals: Iterable[Arrival], *, looks: Sequence[int] = ()) -> Player:
    """Play arrivals in the order of their receipt, with extra looks at given seconds, to the end."""
    player = Player(rule)
    events: list[tuple[int, Contribution | None]] = [(item.received, item.contribution) for item in arrivals]
    events += [(look, None) for look in looks]
    for received, item in sorted(events, key=lambda event: event[0]):
        if item is None:
            player.wait_until(received)
            player.evaluate_now(received)
        else:
            player.arrive(item, received)
    player.finish()
    return player


def moment(seconds_at: float) -> datetime:
    """Return the datetime `seconds_at` after T0."""
    return from_micros(at(seconds_at))
