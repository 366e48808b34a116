"""Evaluates one group and commits what follows, again and again until no other worker came between."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from tocsin_alert.build_alert import build_alert
from tocsin_alert.commit import GroupStore, Outcome
from tocsin_alert.contribution import Contribution
from tocsin_alert.engine import evaluate, next_due
from tocsin_alert.rule import Rule
from tocsin_alert.state import GroupState
from tocsin_contracts.alert import AlertV1, Group
from tocsin_contracts.worker import RetryLater

log = structlog.get_logger(__name__)

MAX_CONFLICTS: Final = 50
"""Each conflict means that another worker got on; so many in a row mean that something is wrong."""


@dataclass(frozen=True, slots=True)
class Work:
    """What to do to one group: the contributions in the order they came, none when only time has passed.

    `rule` is None for a group whose rule is in force no longer; the one stored with its state is used then.
    """

    key: str
    group: Group
    rule: Rule | None
    contributions: Sequence[Contribution] = ()
    place_name: str | None = None


async def evaluate_group(store: GroupStore, work: Work, clock: Callable[[], int]) -> list[AlertV1]:
    """Evaluate and commit; return the alerts that were announced by this call.

    Raises RetryLater when Redis is away, UnreadableState when the stored state cannot be used.
    """
    for _ in range(MAX_CONFLICTS):
        read = await store.load(work.key)
        rule = work.rule or read.rule
        if rule is None:
            # A due time to which no state belongs.
            outcome = await store.commit(work.key, read, GroupState(work.group), None, due_at=None, alerts=())
            if outcome is Outcome.CONFLICT:
                continue
            return []
        before = read.state or GroupState(work.group, work.place_name)
        after, alerts = apply(rule, before, work.contributions, clock())
        if work.contributions and not alerts and not _admitted(before, after):
            return []
        outcome = await store.commit(work.key, read, after, rule, due_at=next_due(rule, after), alerts=alerts)
        if outcome is Outcome.COMMITTED:
            for alert in alerts:
                log.info(
                    "alert",
                    alert_id=alert.alert_id,
                    revision=alert.revision,
                    status=alert.status,
                    level=alert.level,
                    summary=alert.summary,
                )
            return alerts
        if outcome is Outcome.REPEATED:
            return []
        await asyncio.sleep(random.uniform(0.001, 0.02))  # noqa: S311 (spreads workers, guards nothing)
    raise RetryLater(f"other workers kept changing the group {work.key}")


def apply(
    rule: Rule, state: GroupState, contributions: Sequence[Contribution], now: int
) -> tuple[GroupState, list[AlertV1]]:
    """Return the state after all contributions (or after mere time, when there are none) and the alerts. Pure."""
    alerts: list[AlertV1] = []
    events: Sequence[Contribution | None] = contributions or [None]
    for contribution in events:
        state, transitions = evaluate(rule, state, contribution, now)
        alerts += [build_alert(rule, state, transition) for transition in transitions]
    return state, alerts


def _admitted(before: GroupState, after: GroupState) -> bool:
    """Return whether a contribution was taken in. Mere progress of time is left to the timers."""
    known = {(item.contribution.article_id, item.contribution.revision) for item in before.held}
    return any((item.contribution.article_id, item.contribution.revision) not in known for item in after.held)
