"""Takes classified articles from Kafka: what each contributes to which group, then the groups one by one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from tocsin_alert.commit import GroupStore
from tocsin_alert.contribution import Contribution, Position, contribute
from tocsin_alert.evaluate_group import Work, evaluate_group
from tocsin_alert.groups import group_key, groups_of, read_group_key
from tocsin_alert.moments import SECOND, from_micros, span
from tocsin_alert.redis_client import Durability
from tocsin_alert.rule import Rule
from tocsin_contracts.alert import Group
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import UnreadableMessage, decode
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.topics import DEAD_LETTERS
from tocsin_contracts.worker import Outgoing, Record
from tocsin_contracts.worker.refuse_record import refuse_record

log = structlog.get_logger(__name__)

SERVICE: Final = "alert"
GROUPS_AT_ONCE: Final = 8
"""Several commits in flight share one sync of Redis' file."""
EXTRA_MEMORY_S: Final = 86_400
"""A revision that comes a day after an article left every window finds nothing to withdraw."""


@dataclass(frozen=True, slots=True)
class Article:
    """A classified article with what it contributes to each rule that it passes, by group."""

    classified: ClassifiedV1
    position: Position
    by_group: Mapping[str, tuple[Rule, Group, Contribution]]

    @property
    def may_matter(self) -> bool:
        """Whether it contributes to a group, or may replace a revision that did."""
        return bool(self.by_group) or self.classified.revision > 1


@dataclass
class _Gathered:
    rule: Rule
    group: Group
    place_name: str | None
    contributions: list[Contribution] = field(default_factory=list)


class ClassifiedHandler:
    """The worker's handler. Safe to repeat: contributions are identified by article and revision."""

    def __init__(
        self, store: GroupStore, rules: Sequence[Rule], *, topic_prefix: str, clock: Callable[[], int]
    ) -> None:
        self._store, self._rules, self._clock = store, tuple(rules), clock
        self._by_name = {rule.name: rule for rule in rules}
        self._dead_letters = DEAD_LETTERS.full_name(topic_prefix)
        longest = max(span(rule.window) + span(rule.lateness) for rule in rules)
        self._keep_s = longest // SECOND + EXTRA_MEMORY_S
        self._announced = 0

    async def start(self) -> None:
        """Nothing to acquire: the client connects by itself, and waits when Redis is away."""

    async def stop(self) -> None:
        """Close the connections to Redis."""
        await self._store.close()

    def health(self) -> Mapping[str, object]:
        """Return the number of rules and alerts, and whether Redis' answers mean that a commit is durable."""
        durability = self._store.durability
        return {
            "rules": len(self._rules),
            "alerts_announced": self._announced,
            "redis_durable": None if durability is None else durability is not Durability.UNKNOWN,
        }

    async def handle(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Evaluate what the records contribute; return dead letters for the unreadable ones.

        Raises RetryLater when Redis is away, UnreadableState when a group's state cannot be used.
        """
        articles: list[Article] = []
        outgoing: list[Outgoing] = []
        for record in records:
            try:
                articles.append(self._read(record))
            except UnreadableMessage as error:
                outgoing.append(self._refuse(record, error))
        gathered = await self._gather([article for article in articles if article.may_matter])
        limit = asyncio.Semaphore(GROUPS_AT_ONCE)

        async def work_off(key: str, item: _Gathered) -> None:
            async with limit:
                work = Work(key, item.group, item.rule, item.contributions, item.place_name)
                alerts = await evaluate_group(self._store, work, self._clock)
            self._announced += len(alerts)

        # All are awaited, also when one fails, so that nothing still runs when the batch is tried again.
        results = await asyncio.gather(*(work_off(key, item) for key, item in gathered.items()), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return outgoing

    def _read(self, record: Record) -> Article:
        classified = decode(ClassifiedV1, record.value)
        position = Position(record.topic, record.partition, record.offset)
        by_group = {}
        for rule in self._rules:
            contribution = contribute(rule, classified, position)
            for group in groups_of(rule, contribution):
                by_group[group_key(rule.name, group)] = (rule, group, contribution)
        return Article(classified, position, by_group)

    async def _gather(self, articles: Sequence[Article]) -> Mapping[str, _Gathered]:
        """Return what each group gets, in the order of the records, withdrawals by later revisions among it."""
        memories = await self._store.remember(
            [(item.classified.article_id, item.classified.revision, list(item.by_group)) for item in articles],
            keep_s=self._keep_s,
        )
        gathered: dict[str, _Gathered] = {}
        for article, memory in zip(articles, memories, strict=True):
            classified = article.classified
            if memory.revision > classified.revision:
                continue
            names = {place.country: place.name for place in classified.places}
            contributions = dict(article.by_group)
            for key in memory.groups:
                if key not in contributions and (left := self._withdraw(key, article)) is not None:
                    contributions[key] = left
            for key, (rule, group, contribution) in contributions.items():
                name = None if group.place is None else names.get(group.place)
                gathered.setdefault(key, _Gathered(rule, group, name)).contributions.append(contribution)
        return gathered

    def _withdraw(self, key: str, article: Article) -> tuple[Rule, Group, Contribution] | None:
        """Return what tells the group that the article has left it; None when its rule is in force no longer."""
        rule_name, group = read_group_key(key)
        rule = self._by_name.get(rule_name)
        if rule is None:
            return None
        contribution = contribute(rule, article.classified, article.position)
        return rule, group, contribution.withdrawn()

    def _refuse(self, record: Record, error: UnreadableMessage) -> Outgoing:
        log.warning("refused", reason=error.reason, topic=record.topic, offset=record.offset)
        return refuse_record(
            record,
            stage=Stage.ALERT,
            dead_letter_topic=self._dead_letters,
            reason=error.reason,
            detail=str(error),
            failed_at=from_micros(self._clock()),
        )
