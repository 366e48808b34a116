"""The copy of the stream on Kafka: complete and in order, whatever fails in between."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from redis.asyncio import Redis

from alert_messages import Player, contribution, make_rule
from support.read_topic import read_topic
from tocsin_alert.build_alert import build_alert
from tocsin_alert.commit import GroupStore, Outcome, Stored
from tocsin_alert.kafka_sender import KafkaSender
from tocsin_alert.redis_client import SOCKET_TIMEOUT_S, connect
from tocsin_alert.relay import AlertRelay, SendFailed
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import decode
from tocsin_contracts.settings import KafkaSettings, RedisSettings
from tocsin_contracts.worker import Outgoing

pytestmark = pytest.mark.integration

RULE = make_rule()


class FailingSender(KafkaSender):
    """Fails some sends: before anything is sent, or after Kafka has taken it."""

    def __init__(self, servers: str, *, before: int = 0, after: int = 0) -> None:
        super().__init__(servers)
        self.before, self.after = before, after

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if self.before:
            self.before -= 1
            raise SendFailed("Kafka is away")
        await super().send(messages)
        if self.after:
            self.after -= 1
            raise SendFailed("the connection broke after Kafka took it")


class Stream:
    """The stream of alerts of one test, and its copy."""

    def __init__(self, redis: RedisSettings, kafka: KafkaSettings) -> None:
        self.redis, self.kafka = redis, kafka
        self.client: Redis = connect(redis)
        self.store = GroupStore(self.client, redis.redis_prefix, stream_max_entries=10_000)
        self.tasks: list[asyncio.Future[None]] = []

    async def announce(self, *groups: str) -> list[tuple[str, int]]:
        """Commit a whole episode for each group; return (alert id, revision) in the order of the stream."""
        for group in groups:
            player = Player(RULE)
            player.state = player.state.__class__(player.state.group.model_copy(update={"place": group}))
            player.arrive(contribution("a", 0), 0)
            player.arrive(contribution("b", 1), 1)
            player.arrive(contribution("c", 2, level=5), 2)
            player.arrive(contribution("d", 3, level=5), 3)
            player.finish()
            alerts = [build_alert(RULE, player.state, item) for item in player.told]
            assert [alert.status for alert in alerts] == ["firing", "firing", "resolved"]
            for alert in alerts:
                outcome = await self.store.commit(
                    f"test-rule/{group}", Stored(), player.state, RULE, due_at=None, alerts=[alert]
                )
                assert outcome is not Outcome.CONFLICT
        entries: Any = await self.client.xrange(f"{self.redis.redis_prefix}alerts")
        return [(fields[b"alert_id"].decode(), int(fields[b"revision"])) for _, fields in entries]

    def relay(self, sender: KafkaSender | None = None, lease_s: float = 2) -> asyncio.Future[None]:
        relay = AlertRelay(
            connect(self.redis),
            sender or KafkaSender(self.kafka.kafka_bootstrap_servers),
            redis_prefix=self.redis.redis_prefix,
            topic_prefix=self.kafka.topic_prefix,
            lease_s=lease_s,
        )
        task = asyncio.ensure_future(relay.run())
        self.tasks.append(task)
        return task

    async def all_acknowledged(self) -> None:
        """Wait until nothing is left to copy."""
        key = f"{self.redis.redis_prefix}alerts"
        async with asyncio.timeout(40):
            while True:
                groups = await self.client.xinfo_groups(key) if await self.client.exists(key) else []
                last = (await self.client.xinfo_stream(key))["last-generated-id"]
                if groups and groups[0]["pending"] == 0 and groups[0]["last-delivered-id"] == last:
                    return
                await asyncio.sleep(0.05)

    async def copies(self, topic: str = "alerts") -> list[tuple[str, bytes, dict[str, bytes]]]:
        """Return key, value and headers of all that is on Kafka."""
        name = f"{self.kafka.topic_prefix}{topic}"
        records = await asyncio.to_thread(read_topic, self.kafka.kafka_bootstrap_servers, name)
        return [((record.key or b"").decode(), record.value, dict(record.headers)) for record in records]


@pytest.fixture
async def stream(redis_url: str, redis_prefix: str, kafka_settings: KafkaSettings) -> AsyncIterator[Stream]:
    started = Stream(RedisSettings(redis_url=redis_url, redis_prefix=redis_prefix), kafka_settings)
    yield started
    for task in started.tasks:
        task.cancel()
    await asyncio.gather(*started.tasks, return_exceptions=True)
    async for key in started.client.scan_iter(f"{redis_prefix}*"):
        await started.client.delete(key)
    await started.client.aclose()


def in_order(copies: list[tuple[str, bytes, dict[str, bytes]]]) -> dict[str, list[int]]:
    """Return the revisions of each alert in the order in which they came, repeats left out."""
    found: dict[str, list[int]] = {}
    for key, value, headers in copies:
        alert = decode(AlertV1, value)
        assert key == alert.alert_id
        assert headers["ce_id"] == f"{alert.alert_id}:{alert.revision}".encode()
        revisions = found.setdefault(alert.alert_id, [])
        if alert.revision not in revisions:
            revisions.append(alert.revision)
    return found


async def test_every_alert_is_copied_in_order_and_acknowledged(stream: Stream) -> None:
    announced = await stream.announce("SY")
    stream.relay()
    await stream.all_acknowledged()
    announced = await stream.announce("IQ", "LB")
    await stream.all_acknowledged()

    copies = await stream.copies()
    assert len(copies) == len(announced) == 9
    assert all(revisions == [1, 2, 3] for revisions in in_order(copies).values())


async def test_what_kafka_took_before_a_crash_is_repeated_recognisably_and_what_it_did_not_take_is_sent(
    stream: Stream,
) -> None:
    announced = await stream.announce("SY", "IQ")
    servers = stream.kafka.kafka_bootstrap_servers
    stream.relay(FailingSender(servers, before=1, after=1))
    await stream.all_acknowledged()

    copies = await stream.copies()
    assert len(copies) == 2 * len(announced), "once before the failure, once after"
    assert in_order(copies).keys() == {alert_id for alert_id, _ in announced}
    assert all(revisions == [1, 2, 3] for revisions in in_order(copies).values())
    assert len({headers["ce_id"] for _, _, headers in copies}) == len(announced)


async def test_another_worker_takes_over_what_a_dead_one_left_unacknowledged(stream: Stream) -> None:
    announced = await stream.announce("SY")
    key = f"{stream.redis.redis_prefix}alerts"
    # A relay that died between its read and Kafka: entries delivered, nothing sent, its lease still running.
    await stream.client.xgroup_create(key, "relay", id="0")
    await stream.client.xreadgroup("relay", "relay", {key: ">"}, count=2)
    await stream.client.set(f"{stream.redis.redis_prefix}relay:lease", "the dead", px=1_500)

    stream.relay()
    stream.relay()
    await stream.all_acknowledged()

    copies = await stream.copies()
    assert len(copies) == len(announced)
    assert [decode(AlertV1, value).revision for _, value, _ in copies] == [1, 2, 3]


async def test_a_lease_is_given_back_at_a_clean_stop(stream: Stream) -> None:
    await stream.announce("SY")
    first = stream.relay(lease_s=60)
    await stream.all_acknowledged()
    assert await stream.client.exists(f"{stream.redis.redis_prefix}relay:lease")

    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first

    assert not await stream.client.exists(f"{stream.redis.redis_prefix}relay:lease")


async def test_it_stops_although_a_timeout_ran_out_at_the_moment_of_the_stop(stream: Stream) -> None:
    await stream.announce("SY")
    task = stream.relay(lease_s=60)
    await stream.all_acknowledged()
    # Holds up the event loop for longer than the client's socket timeout.
    time.sleep(SOCKET_TIMEOUT_S + 0.5)  # noqa: ASYNC251

    task.cancel()

    done, _ = await asyncio.wait([task], timeout=20)
    assert done


async def test_an_entry_that_is_no_alert_becomes_a_dead_letter_and_stops_nothing(stream: Stream) -> None:
    await stream.client.xadd(f"{stream.redis.redis_prefix}alerts", {"data": "{nonsense"})
    await stream.client.xadd(f"{stream.redis.redis_prefix}alerts", {"other": "field"})
    entries = f"{stream.redis.redis_prefix}alerts"
    player = Player(RULE)
    player.arrive(contribution("a", 0), 0)
    [transition] = player.arrive(contribution("b", 1), 1)
    alert = build_alert(RULE, player.state, transition)
    await stream.client.xadd(entries, {"data": alert.model_dump_json()})

    stream.relay()
    await stream.all_acknowledged()

    assert [decode(AlertV1, value) for _, value, _ in await stream.copies()] == [alert]
    assert len(await stream.copies("dead-letters")) == 2
