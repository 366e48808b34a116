"""The one atomic call on a real Redis: all of a commit or nothing, and never twice."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from alert_messages import Player, at, contribution, make_rule
from tocsin_alert.build_alert import build_alert
from tocsin_alert.commit import GroupStore, Outcome, Stored
from tocsin_alert.redis_client import Durability, connect
from tocsin_alert.state import UnreadableState
from tocsin_contracts.alert import AlertV1, Group
from tocsin_contracts.settings import RedisSettings

pytestmark = pytest.mark.integration

RULE = make_rule()
KEY = "test-rule/SY"


@pytest.fixture
async def client(redis_url: str, redis_prefix: str) -> AsyncIterator[Redis]:
    client = connect(RedisSettings(redis_url=redis_url, redis_prefix=redis_prefix))
    yield client
    async for key in client.scan_iter(f"{redis_prefix}*"):
        await client.delete(key)
    await client.aclose()


@pytest.fixture
def store(client: Redis, redis_prefix: str) -> GroupStore:
    return GroupStore(client, redis_prefix, stream_max_entries=1_000)


def fired() -> tuple[Player, list[AlertV1]]:
    """Return a player in whose group an alert has fired, and the alert."""
    player = Player(RULE)
    player.arrive(contribution("a", 0), 0)
    transitions = player.arrive(contribution("b", 1, level=4), 1)
    return player, [build_alert(RULE, player.state, item) for item in transitions]


async def everything_heard(client: Redis, listener: PubSub, channel: str) -> list[dict[str, Any]]:
    """Return what was published up to now on the channels of `listener`, `channel` among them."""
    await client.publish(channel, "the end")
    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while True:
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=2)
            if message is not None and message["data"] == b"the end":
                return heard
            if message is not None:
                heard.append(message)


async def test_a_commit_writes_state_due_time_and_stream_and_publishes_the_same_message(
    client: Redis, store: GroupStore, redis_prefix: str
) -> None:
    player, alerts = fired()
    base = f"{redis_prefix}alerts"
    channels = [base, f"{base}:level:3", f"{base}:topic:armed-conflict", f"{base}:place:SY"]
    async with client.pubsub() as listener:
        await listener.subscribe(*channels, f"{base}:level:4", f"{base}:place:IQ")

        outcome = await store.commit(KEY, Stored(), player.state, RULE, due_at=at(66), alerts=alerts)

        heard = await everything_heard(client, listener, base)
    assert outcome is Outcome.COMMITTED
    assert (await store.load(KEY)).state == player.state
    entries: Any = await client.xrange(base)
    [(stream_id, fields)] = entries
    assert fields == {
        b"data": alerts[0].model_dump_json().encode(),
        b"alert_id": alerts[0].alert_id.encode(),
        b"revision": b"1",
        b"status": b"firing",
        b"level": b"3",
    }
    assert sorted(message["channel"].decode() for message in heard) == sorted(channels)
    for message in heard:
        content = json.loads(message["data"])
        assert content["stream_id"] == stream_id.decode()
        assert AlertV1.model_validate(content["alert"]) == alerts[0]
    assert await store.due(at(65), 10) == []
    assert await store.due(at(66), 10) == [KEY]


async def test_a_commit_over_a_state_that_moved_does_nothing(
    client: Redis, store: GroupStore, redis_prefix: str
) -> None:
    player, alerts = fired()
    first = Player(RULE)
    first.arrive(contribution("c", 0), 0)
    await store.commit(KEY, Stored(), first.state, RULE, due_at=at(50), alerts=[])
    async with client.pubsub() as listener:
        await listener.subscribe(f"{redis_prefix}alerts")

        outcome = await store.commit(KEY, Stored(), player.state, RULE, due_at=at(66), alerts=alerts)

        assert await everything_heard(client, listener, f"{redis_prefix}alerts") == []
    assert outcome is Outcome.CONFLICT
    assert (await store.load(KEY)).state == first.state
    assert await client.xlen(f"{redis_prefix}alerts") == 0
    assert await store.due(at(50), 10) == [KEY]


async def test_a_repeated_commit_is_recognised_and_writes_nothing_more(
    client: Redis, store: GroupStore, redis_prefix: str
) -> None:
    player, alerts = fired()

    outcomes = [await store.commit(KEY, Stored(), player.state, RULE, due_at=at(66), alerts=alerts) for _ in range(3)]

    assert outcomes == [Outcome.COMMITTED, Outcome.REPEATED, Outcome.REPEATED]
    assert await client.xlen(f"{redis_prefix}alerts") == 1


async def test_a_commit_whose_reply_is_lost_is_retried_by_the_client_and_announces_once(
    redis_url: str, redis_prefix: str, client: Redis
) -> None:
    """The connection is cut after Redis has executed the commit and before the client reads the reply."""
    player, alerts = fired()
    # The script is known to the server, so that the first call executes it.
    await GroupStore(client, redis_prefix, stream_max_entries=1_000).commit(
        "other/IQ", Stored(), player.state, RULE, due_at=None, alerts=[]
    )
    server_at = client.connection_pool.connection_kwargs
    commits = cuts = 0

    async def cut_the_first_reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal commits, cuts
        up_reader, up_writer = await asyncio.open_connection(server_at["host"], server_at["port"])
        is_commit = False

        async def ask() -> None:
            nonlocal commits, is_commit
            while data := await reader.read(1_000_000):
                is_commit = b"EVALSHA" in data
                commits += is_commit
                up_writer.write(data)

        async def answer() -> None:
            nonlocal cuts
            while data := await up_reader.read(1_000_000):
                if is_commit and not cuts:
                    cuts += 1
                    return
                writer.write(data)

        tasks = [asyncio.ensure_future(ask()), asyncio.ensure_future(answer())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        writer.transport.abort()
        up_writer.close()

    server = await asyncio.start_server(cut_the_first_reply, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"redis://127.0.0.1:{port}/{server_at.get('db', 0)}"
    proxied = connect(RedisSettings(redis_url=url, redis_prefix=redis_prefix))
    store = GroupStore(proxied, redis_prefix, stream_max_entries=1_000)

    outcome = await store.commit(KEY, Stored(), player.state, RULE, due_at=at(66), alerts=alerts)

    await proxied.aclose()
    server.close()
    assert (commits, cuts) == (2, 1)
    assert outcome is Outcome.REPEATED
    assert await client.xlen(f"{redis_prefix}alerts") == 1


async def test_an_idle_group_is_forgotten(client: Redis, store: GroupStore, redis_prefix: str) -> None:
    player, alerts = fired()
    await store.commit(KEY, Stored(), player.state, RULE, due_at=at(66), alerts=alerts)
    read = await store.load(KEY)
    player.finish()

    await store.commit(KEY, read, player.state, RULE, due_at=None, alerts=[])

    assert await client.exists(f"{redis_prefix}rule:{KEY}", f"{redis_prefix}due") == 0
    assert await store.load(KEY) == Stored()


async def test_the_stream_is_trimmed_to_about_its_length(client: Redis, redis_prefix: str) -> None:
    store = GroupStore(client, redis_prefix, stream_max_entries=100)
    player, alerts = fired()
    for number in range(5):
        await store.commit(f"r/{number}", Stored(), player.state, RULE, due_at=None, alerts=alerts * 60)

    assert 100 <= await client.xlen(f"{redis_prefix}alerts") <= 250


async def test_a_damaged_state_is_named_and_not_overwritten(
    client: Redis, store: GroupStore, redis_prefix: str
) -> None:
    await client.set(f"{redis_prefix}rule:{KEY}", b"0" * 32 + b'\n{"v":1}')

    with pytest.raises(UnreadableState):
        await store.load(KEY)


async def test_an_article_is_remembered_with_its_highest_revision_and_all_its_groups(store: GroupStore) -> None:
    article = "a" * 32

    first, second, stale = await store.remember(
        [(article, 1, ["r/SY"]), (article, 3, ["r/IQ"]), (article, 2, ["r/LB"])], keep_s=60
    )

    assert (first.revision, set(first.groups)) == (1, {"r/SY"})
    assert (second.revision, set(second.groups)) == (3, {"r/SY", "r/IQ"})
    assert (stale.revision, set(stale.groups)) == (3, {"r/SY", "r/IQ"})


async def test_the_test_server_makes_commits_durable(store: GroupStore) -> None:
    assert await store.prepare() in (Durability.ALWAYS, Durability.WAIT)


async def test_a_group_is_one_of_its_rule(store: GroupStore) -> None:
    player = Player(RULE)
    player.arrive(contribution("a", 0), 0)
    await store.commit(KEY, Stored(), player.state, RULE, due_at=None, alerts=[])

    read = await store.load(KEY)

    assert read.rule == RULE
    assert read.state is not None
    assert read.state.group == Group(place="SY")
