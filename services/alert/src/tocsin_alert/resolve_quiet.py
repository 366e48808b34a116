"""Looks at groups when their time has come, without a new article: resolves what has gone quiet."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from redis.exceptions import RedisError

from tocsin_alert.commit import GroupStore
from tocsin_alert.evaluate_group import Work, evaluate_group
from tocsin_alert.groups import read_group_key
from tocsin_alert.heed_cancellation import heed_cancellation
from tocsin_alert.moments import SECOND
from tocsin_alert.rule import Rule
from tocsin_alert.state import UnreadableState
from tocsin_contracts.worker import RetryLater

log = structlog.get_logger(__name__)

GROUPS_PER_ROUND: Final = 100
AGAIN_AFTER: Final = 60 * SECOND
"""When to look again at a group whose state cannot be read; it must not keep the others from their turn."""
LONGEST_PAUSE_S: Final = 10.0


class QuietResolver:
    """Runs beside the batches, in every worker: the commit lets one of them win."""

    def __init__(self, store: GroupStore, rules: list[Rule], *, clock: Callable[[], int], every_s: float) -> None:
        self._store, self._clock, self._every_s = store, clock, every_s
        self._rules = {rule.name: rule for rule in rules}

    async def run(self) -> None:
        """Look for due groups until cancelled; waits while Redis is away."""
        pause = self._every_s
        while True:
            heed_cancellation()
            try:
                more = await self.resolve_due()
            except (RetryLater, RedisError) as error:
                log.warning("timers wait", reason=str(error))
                pause = min(pause * 2, max(LONGEST_PAUSE_S, self._every_s))
            else:
                pause = 0 if more else self._every_s
            await asyncio.sleep(pause)
            pause = pause or self._every_s

    async def resolve_due(self) -> bool:
        """Evaluate the groups that are due; return whether there may be more.

        Raises RetryLater when Redis is away.
        """
        due = await self._store.due(self._clock(), GROUPS_PER_ROUND)
        for key in due:
            await self._look_at(key)
        return len(due) == GROUPS_PER_ROUND

    async def _look_at(self, key: str) -> None:
        try:
            rule_name, group = read_group_key(key)
            await evaluate_group(self._store, Work(key, group, self._rules.get(rule_name)), self._clock)
        except (UnreadableState, ValueError) as error:
            log.error("group skipped", group=key, reason=str(error))  # noqa: TRY400 (the reason says all)
            await self._store.postpone(key, self._clock() + AGAIN_AFTER)
