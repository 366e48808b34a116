"""The handler on a real Redis: batches, repeats, several workers at once, edits, and Redis away."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import redis as blocking_redis
from redis.asyncio import Redis

from alert_messages import classified, make_rule, moment
from support.own_redis import OwnRedis
from tocsin_alert.commit import GroupStore
from tocsin_alert.handle_classified import ClassifiedHandler
from tocsin_alert.moments import to_micros
from tocsin_alert.redis_client import connect
from tocsin_alert.resolve_quiet import QuietResolver
from tocsin_alert.rule import Rule
from tocsin_contracts.alert import AlertV1, Status
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import decode, encode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import RedisSettings
from tocsin_contracts.worker import Record, RetryLater

pytestmark = pytest.mark.integration

RULE = make_rule()


class Clock:
    """A clock that the test moves; seconds from T0."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> int:
        return to_micros(moment(self.now))


class Workers:
    """Handlers and resolvers with connections of their own on one Redis, sharing one clock."""

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.clients: list[Redis] = []

    def store(self) -> GroupStore:
        client = connect(self.settings)
        self.clients.append(client)
        return GroupStore(client, self.settings.redis_prefix, stream_max_entries=10_000)

    def handler(self, *rules: Rule) -> ClassifiedHandler:
        return ClassifiedHandler(self.store(), rules or [RULE], topic_prefix="test.", clock=self.clock)

    def resolver(self, *rules: Rule) -> QuietResolver:
        return QuietResolver(self.store(), list(rules or [RULE]), clock=self.clock, every_s=0.1)

    async def alerts(self) -> list[AlertV1]:
        entries: Any = await self.clients[0].xrange(f"{self.settings.redis_prefix}alerts")
        return [decode(AlertV1, fields[b"data"]) for _, fields in entries]

    async def revisions(self) -> list[tuple[str, int, Status]]:
        return [(alert.alert_id, alert.revision, alert.status) for alert in await self.alerts()]


@pytest.fixture
async def workers(redis_url: str, redis_prefix: str) -> AsyncIterator[Workers]:
    started = Workers(RedisSettings(redis_url=redis_url, redis_prefix=redis_prefix))
    yield started
    for client in started.clients:
        await client.aclose()
    with blocking_redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter(f"{redis_prefix}*"):
            client.delete(key)


def records(messages: Sequence[ClassifiedV1 | bytes], start: int = 0) -> list[Record]:
    return [
        Record(
            topic="test.classified",
            partition=0,
            offset=start + number,
            key=None if isinstance(message, bytes) else message.article_id.encode(),
            value=message if isinstance(message, bytes) else encode(message),
        )
        for number, message in enumerate(messages)
    ]


def reports(count: int, *, places: Sequence[str] = ("SY",), at: float = 0) -> list[ClassifiedV1]:
    return [
        classified(f"{country}-{number}", moment(at), source=f"source-{number}", places=[(country, country, 2)])
        for number in range(count)
        for country in places
    ]


async def test_a_batch_fires_explains_and_is_repeated_without_effect(workers: Workers) -> None:
    handler = workers.handler()
    batch = records([*reports(3), b"{garbage", b""])
    workers.clock.now = 1

    letters = await handler.handle(batch)
    again = await handler.handle(batch)
    other = await workers.handler().handle(batch[:2])

    [alert] = await workers.alerts()
    assert alert.status is Status.FIRING
    assert alert.counts.stories == 2
    assert [item.offset for item in alert.evidence] == [0, 1]
    assert alert.places == ["SY"]
    assert alert.summary == "SY: limited war (level 4), 2 stories from 2 sources in 40 s"
    refused = [decode(DeadLetterV1, letter.value) for letter in letters]
    assert [(letter.reason, letter.offset) for letter in refused] == [("not-json", 3), ("empty-message", 4)]
    assert [letter.value[:90] for letter in again] == [letter.value[:90] for letter in letters]
    assert list(other) == []


async def test_two_workers_on_the_same_groups_neither_double_nor_lose(workers: Workers) -> None:
    one, other = workers.handler(), workers.handler()
    messages = records(reports(30, places=("SY", "IQ", "LB")))
    workers.clock.now = 1
    shared = messages[::3]

    # Each gets half, and a third goes to both, as after a rebalance.
    await asyncio.gather(
        *(one.handle([record]) for record in [*messages[::2], *shared]),
        *(other.handle([record]) for record in [*messages[1::2], *shared]),
    )

    revisions = Counter(await workers.revisions())
    assert max(revisions.values()) == 1
    assert Counter(status for _, _, status in revisions) == {Status.FIRING: 3}
    store = workers.store()
    for country in ("SY", "IQ", "LB"):
        state = (await store.load(f"test-rule/{country}")).state
        assert state is not None
        assert len(state.held) == 30


async def test_two_workers_timers_resolve_once(workers: Workers) -> None:
    workers.clock.now = 1
    await workers.handler().handle(records(reports(3, places=("SY", "IQ"))))
    resolvers = [workers.resolver(), workers.resolver(), workers.resolver()]

    workers.clock.now = 64
    await asyncio.gather(*(resolver.resolve_due() for resolver in resolvers))
    assert all(status is Status.FIRING for _, _, status in await workers.revisions())
    workers.clock.now = 120
    await asyncio.gather(*(resolver.resolve_due() for resolver in resolvers))
    await asyncio.gather(*(resolver.resolve_due() for resolver in resolvers))

    alerts = await workers.alerts()
    assert [(alert.revision, alert.status) for alert in alerts] == [(1, "firing")] * 2 + [(2, "resolved")] * 2
    assert {alert.ends_at for alert in alerts[2:]} == {moment(55)}
    prefix = workers.settings.redis_prefix
    assert await workers.clients[0].exists(f"{prefix}due", f"{prefix}rule:test-rule/SY") == 0


async def test_an_edit_withdraws_the_article_from_the_group_it_left(workers: Workers) -> None:
    handler = workers.handler()
    workers.clock.now = 1
    first = classified("moved", moment(0), source="other")
    edited = classified("moved", moment(0), source="other", revision=2, places=[("IQ", "Iraq", 2)])

    await handler.handle(records([first]))
    await handler.handle(records([edited], start=1))
    await handler.handle(records([first], start=2))
    await handler.handle(records(reports(1), start=3))

    assert await workers.alerts() == [], "the article counted where it no longer belongs"
    await handler.handle(records(reports(2), start=4))
    assert len(await workers.alerts()) == 1


async def test_an_alert_that_rests_on_a_withdrawn_article_is_resolved(workers: Workers) -> None:
    handler = workers.handler()
    workers.clock.now = 1
    await handler.handle(records(reports(2)))
    calmed = classified("SY-0", moment(0), source="source-0", revision=2, level=1)
    workers.clock.now = 2
    await handler.handle(records([calmed], start=5))

    workers.clock.now = 26
    await workers.resolver().resolve_due()

    assert [(revision, status) for _, revision, status in await workers.revisions()] == [
        (1, Status.FIRING),
        (2, Status.RESOLVED),
    ]


async def test_an_alert_whose_rule_was_removed_is_still_resolved(workers: Workers) -> None:
    workers.clock.now = 1
    await workers.handler().handle(records(reports(2)))

    workers.clock.now = 120
    await workers.resolver(make_rule(name="another")).resolve_due()

    last = (await workers.alerts())[-1]
    assert last.status is Status.RESOLVED
    assert last.rule.name == "test-rule"


async def test_a_group_that_cannot_be_read_does_not_keep_the_others_from_their_turn(workers: Workers) -> None:
    workers.clock.now = 1
    await workers.handler().handle(records(reports(2, places=("SY", "IQ"))))
    prefix = workers.settings.redis_prefix
    await workers.clients[0].set(f"{prefix}rule:test-rule/SY", b"0" * 32 + b"\nnonsense")
    await workers.clients[0].zadd(f"{prefix}due", {"not a key": 0})

    workers.clock.now = 120
    await workers.resolver().resolve_due()

    assert [alert.group.place for alert in await workers.alerts() if alert.status is Status.RESOLVED] == ["IQ"]
    assert await workers.resolver().resolve_due() is False


async def test_a_subscriber_sees_a_gap_in_pub_sub_by_the_stream_ids_and_fills_it(workers: Workers) -> None:
    handler = workers.handler()
    base = f"{workers.settings.redis_prefix}alerts"
    workers.clock.now = 1
    client = workers.clients[0]
    async with client.pubsub() as listener:
        await listener.subscribe(f"{base}:place:SY")
        await handler.handle(records(reports(2)))
        heard: list[Any] = []
        while len(heard) < 1:
            if message := await listener.get_message(ignore_subscribe_messages=True, timeout=2):
                heard.append(message)
    # Not listening while the level rises.
    workers.clock.now = 2
    risen = [classified(f"war-{number}", moment(2), level=5) for number in range(2)]
    await handler.handle(records(risen, start=20))

    last_seen = heard[-1]["data"].split(b'"stream_id":"')[1].split(b'"')[0].decode()
    missed: Any = await client.xrange(base, min=f"({last_seen}")

    assert [(fields[b"revision"], fields[b"level"]) for _, fields in missed] == [(b"2", b"5")]


async def test_while_redis_is_away_the_batch_is_to_be_tried_again_and_then_nothing_is_lost_or_doubled(
    own_redis: OwnRedis, redis_prefix: str
) -> None:
    workers = Workers(RedisSettings(redis_url=own_redis.url, redis_prefix=redis_prefix))
    handler = workers.handler()
    workers.clock.now = 1
    await handler.handle(records(reports(2)))
    own_redis.kill()

    with pytest.raises(RetryLater):
        await handler.handle(records(reports(3, places=("SY", "IQ"))))
    with pytest.raises(RetryLater):
        await workers.resolver().resolve_due()
    own_redis.start()
    await handler.handle(records(reports(3, places=("SY", "IQ"))))

    alerts = await workers.alerts()
    assert Counter((alert.group.place, alert.revision) for alert in alerts) == {("SY", 1): 1, ("IQ", 1): 1}
    for client in workers.clients:
        await client.aclose()
