"""Feeds over real HTTP onto real Kafka: conditional requests, positions, and workers that share the work."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support.waiting import wait_for
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
FEED_NAME = "osk"


class Workers:
    """Pollers of the site's feed, each with an acceptor and clients of its own, as in a process of its own."""

    def __init__(self, settings: IngestSettings, redis_client: RedisClient, make_tools: MakeTools, url: str) -> None:
        self.settings, self.redis_client, self.make_tools = settings, redis_client, make_tools
        self.feed = Feed.model_validate({"name": FEED_NAME, "url": url, "interval": 1, "source": "Osk Gazette"})
        self.states = RedisFeedStates(redis_client, settings.redis_prefix, timedelta(days=1))

    def poller(
        self,
        publisher: KafkaPublisher,
        *,
        interval: float = 0.2,
        threads: int = 1,
        check_kafka: Callable[[], None] | None = None,
    ) -> Poller:
        """Return a poller that is not started; `interval` in seconds may be below what a file of feeds may say."""
        tools = self.make_tools(make_acceptor(self.settings, self.redis_client, publisher), publisher)
        if check_kafka is not None:
            tools = replace(tools, check_kafka=check_kafka)
        return Poller([self.feed.model_copy(update={"interval": interval})], tools, threads=threads)


@pytest.fixture
def workers(settings: IngestSettings, redis_client: RedisClient, make_tools: MakeTools, site: Any) -> Workers:
    return Workers(settings, redis_client, make_tools, site.url)


def test_new_and_edited_items_arrive_and_an_unchanged_feed_is_not_sent_again(
    workers: Workers, publisher: KafkaPublisher, site: Any, topics: Any
) -> None:
    site.add("one")
    poller = workers.poller(publisher)
    poller.start()
    assert wait_for(lambda: any(request.status == 304 for request in site.requests))
    site.items[0]["content_text"] = "Edited."
    site.items.insert(0, {"id": "broken"})
    site.add("two")
    assert wait_for(lambda: Counter(request.status for request in site.requests)[200] >= 2)
    seen = len(site.requests)
    assert wait_for(lambda: len(site.requests) > seen + 2)
    assert poller.stop(10)
    found = sorted((article.title, article.revision, article.feed) for article in topics.articles())
    assert found == [("one", 1, FEED_NAME), ("one", 2, FEED_NAME), ("two", 1, FEED_NAME)]
    assert len(topics.dead_letters()) == 1


def test_the_position_stays_while_kafka_is_away_and_nothing_is_lost(
    workers: Workers, publisher: KafkaPublisher, site: Any, topics: Any
) -> None:
    site.add("one")
    away = {"kafka_bootstrap_servers": "127.0.0.1:1", "ingest_kafka_timeout_s": 1.0}
    lost = KafkaPublisher(workers.settings.model_copy(update=away))
    asked = threading.Event()

    def check() -> None:
        # Asked only after a poll whose articles could not be sent.
        asked.set()
        lost.check()

    poller = workers.poller(lost, check_kafka=check)
    poller.start()
    assert asked.wait(60)
    assert poller.stop(10)
    assert workers.states.load(workers.feed.key).etag is None
    assert topics.articles() == []

    back = workers.poller(publisher)
    back.start()
    assert wait_for(lambda: workers.states.load(workers.feed.key).etag is not None)
    assert back.stop(10)
    assert site.requests[0].if_none_match is None
    assert [article.title for article in topics.articles()] == ["one"]


def test_two_workers_share_a_feed(workers: Workers, publisher: KafkaPublisher, site: Any, topics: Any) -> None:
    pollers = [workers.poller(publisher, interval=0.5, threads=2) for _ in range(2)]
    started = time.monotonic()
    for poller in pollers:
        poller.start()
    for number in range(5):
        site.add(f"item{number}", f"Text number {number} about the ferry at Osk.")
        seen = len(site.requests)
        assert wait_for(lambda seen=seen: len(site.requests) >= seen + 2)  # type: ignore[misc]
    polls, elapsed = len(site.requests), time.monotonic() - started
    assert all(poller.stop(10) for poller in pollers)
    assert polls <= elapsed / (0.5 * 0.9) + 2, "together they ask no more often than one would"
    assert sorted(article.title for article in topics.articles()) == [f"item{number}" for number in range(5)]


def test_the_lock_of_a_killed_worker_expires_and_a_living_one_s_does_not(
    settings: IngestSettings, redis_client: RedisClient
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

    assert wait_for(taken_over)
