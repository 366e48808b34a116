"""Feeds over real HTTP onto real Kafka: conditional requests, positions, and workers that share the work."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tocsin_ingest.accept import Acceptor
from tocsin_ingest.connect_redis import RedisClient
from tocsin_ingest.feed_states import RedisFeedStates
from tocsin_ingest.feeds_file import Feed
from tocsin_ingest.poll_feeds import Poller, PollTools
from tocsin_ingest.publish import KafkaPublisher
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.wire import make_acceptor

pytestmark = pytest.mark.integration

MakeTools = Callable[[Acceptor, KafkaPublisher], PollTools]
Eventually = Callable[[Callable[[], bool]], bool]


def feed(url: str, interval: float = 0.2) -> Feed:
    made = Feed.model_validate({"name": "osk", "url": url, "interval": 1, "source": "Osk Gazette"})
    return made.model_copy(update={"interval": interval})


def test_new_and_edited_items_arrive_and_an_unchanged_feed_is_not_sent_again(
    acceptor: Acceptor, publisher: KafkaPublisher, make_tools: MakeTools, site: Any, topics: Any, eventually: Eventually
) -> None:
    site.add("one")
    poller = Poller([feed(site.url)], make_tools(acceptor, publisher), threads=1)
    poller.start()
    assert eventually(lambda: any(request.status == 304 for request in site.requests))
    site.items[0]["content_text"] = "Edited."
    site.items.insert(0, {"id": "broken"})
    site.add("two")
    assert eventually(lambda: Counter(request.status for request in site.requests)[200] >= 2)
    seen = len(site.requests)
    assert eventually(lambda: len(site.requests) > seen + 2)
    assert poller.stop(10)
    found = sorted((article.title, article.revision, article.feed) for article in topics.articles())
    assert found == [("one", 1, "osk"), ("one", 2, "osk"), ("two", 1, "osk")]
    assert len(topics.dead_letters()) == 1


def test_the_position_stays_while_kafka_is_away_and_nothing_is_lost(
    settings: IngestSettings,
    acceptor: Acceptor,
    publisher: KafkaPublisher,
    redis_client: RedisClient,
    make_tools: MakeTools,
    site: Any,
    topics: Any,
    eventually: Eventually,
) -> None:
    site.add("one")
    lost = KafkaPublisher(
        settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1", "ingest_kafka_timeout_s": 1.0})
    )
    poller = Poller([feed(site.url)], make_tools(make_acceptor(settings, redis_client, lost), lost), threads=1)
    poller.start()
    assert eventually(lambda: len(site.requests) >= 1)
    time.sleep(1.5)
    assert poller.stop(10)
    states = RedisFeedStates(redis_client, settings.redis_prefix, timedelta(days=1))
    assert states.load(feed(site.url).key).etag is None
    assert topics.articles() == []

    back = Poller([feed(site.url)], make_tools(acceptor, publisher), threads=1)
    back.start()
    assert eventually(lambda: states.load(feed(site.url).key).etag is not None)
    assert back.stop(10)
    assert site.requests[0].if_none_match is None
    assert [article.title for article in topics.articles()] == ["one"]


def test_two_workers_share_a_feed(
    settings: IngestSettings,
    acceptor: Acceptor,
    publisher: KafkaPublisher,
    redis_client: RedisClient,
    make_tools: MakeTools,
    site: Any,
    topics: Any,
    eventually: Eventually,
) -> None:
    other = make_acceptor(settings, redis_client, publisher)
    pollers = [Poller([feed(site.url, 0.5)], make_tools(worker, publisher), threads=2) for worker in (acceptor, other)]
    started = time.monotonic()
    for poller in pollers:
        poller.start()
    for number in range(5):
        site.add(f"item{number}", f"Text number {number} about the ferry at Osk.")
        seen = len(site.requests)
        assert eventually(lambda seen=seen: len(site.requests) >= seen + 2)  # type: ignore[misc]
    polls, elapsed = len(site.requests), time.monotonic() - started
    assert all(poller.stop(10) for poller in pollers)
    assert polls <= elapsed / (0.5 * 0.9) + 2, "together they ask no more often than one would"
    assert sorted(article.title for article in topics.articles()) == [f"item{number}" for number in range(5)]


def test_the_lock_of_a_killed_worker_expires_and_a_living_one_s_does_not(
    settings: IngestSettings, redis_client: RedisClient, eventually: Eventually
) -> None:
    states = RedisFeedStates(redis_client, settings.redis_prefix, timedelta(days=1), lock_ms=1_000)
    with states.polling("k") as mine:
        assert mine
        time.sleep(2.0)
        with states.polling("k") as theirs:
            assert not theirs
    with states.polling("k") as free:
        assert free
    redis_client.set(f"{settings.redis_prefix}feed-lock:dead", "a killed worker", px=500)

    def taken_over() -> bool:
        with states.polling("dead") as held:
            return held

    assert eventually(taken_over)
