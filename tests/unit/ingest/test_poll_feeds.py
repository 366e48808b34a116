"""Polling: when a feed is due again, and that its position moves only with what Kafka has."""

import time
from typing import Any

import httpx
import pytest

from support.waiting import wait_for
from tocsin_ingest.accept import Acceptor
from tocsin_ingest.away import KafkaAway
from tocsin_ingest.feed_states import FeedState
from tocsin_ingest.feeds_file import Feed
from tocsin_ingest.host_gate import HostGate
from tocsin_ingest.poll_feeds import Poller, PollTools, backoff_s, poll_feed
from tocsin_ingest.respect_robots import Robots
from tocsin_ingest.settings import FetchSettings

pytestmark = pytest.mark.unit

FEED = Feed.model_validate({"name": "osk", "url": "http://127.0.0.1:8000/feed", "interval": 100})
ITEM = "<item><title>{0}</title><link>https://osk.example/{0}</link></item>"


class Site:
    """A web site with one feed. `status` and `items` can be changed between polls."""

    def __init__(self) -> None:
        self.items = ["one"]
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/robots.txt":
            return httpx.Response(404)
        self.requests.append(request)
        items = "".join(ITEM.format(item) if item else "<item></item>" for item in self.items)
        body = f'<rss version="2.0"><channel><title>Osk</title>{items}</channel></rss>'
        return httpx.Response(self.status, headers=self.headers, text=body if self.status == 200 else "")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def tools(site: Site, acceptor: Acceptor, feed_states: Any) -> PollTools:
    client = httpx.Client(transport=httpx.MockTransport(site))
    return PollTools(
        client=client,
        robots=Robots(client, "Tocsin"),
        acceptor=acceptor,
        states=feed_states,
        check_kafka=lambda: None,
        settings=FetchSettings(),
        clock=lambda: 1_000.0,
        random=lambda: 0.5,
    )


def test_the_articles_are_sent_oldest_first_and_the_position_moves(
    tools: PollTools, site: Site, publisher: Any
) -> None:
    site.items, site.headers = ["new", "old"], {"etag": '"v1"'}
    result = poll_feed(FEED, FeedState(), tools)
    assert [article.title for article in publisher.articles] == ["old", "new"]
    assert publisher.articles[0].feed == "osk"
    assert (result.state.etag, result.state.due_at, result.state.failures) == ('"v1"', 1_100.0, 0)
    assert result.counts == {"accepted": 2}


def test_an_unchanged_feed_costs_nothing(tools: PollTools, site: Site, publisher: Any) -> None:
    first = poll_feed(FEED, FeedState(), tools).state
    again = poll_feed(FEED, first, tools)
    assert not again.counts
    site.status = 304
    assert poll_feed(FEED, first, tools).state.failures == 0
    assert len(publisher.articles) == 1


def test_when_kafka_is_away_the_position_stays(tools: PollTools, publisher: Any) -> None:
    publisher.away = True
    with pytest.raises(KafkaAway):
        poll_feed(FEED, FeedState(), tools)
    publisher.away = False
    assert poll_feed(FEED, FeedState(), tools).counts == {"accepted": 1}


def test_a_malformed_item_is_one_dead_letter_over_many_polls(tools: PollTools, site: Site, publisher: Any) -> None:
    state = FeedState()
    for number in range(4):
        site.items = ["", f"item{number}"]
        state = poll_feed(FEED, state, tools).state
    assert len(publisher.dead_letters) == 1
    assert publisher.dead_letters[0].origin == "feed:osk"
    assert len(publisher.articles) == 4


def test_errors_wait_longer_each_time_and_success_forgets_them(tools: PollTools, site: Site) -> None:
    site.status = 500
    state = FeedState(etag='"v0"')
    waits = []
    for _ in range(3):
        state = poll_feed(FEED, state, tools).state
        waits.append(state.due_at - 1_000.0)
    assert waits == [200.0, 400.0, 800.0]
    assert state.etag == '"v0"'
    assert "500" in (state.last_error or "")
    site.status = 200
    assert poll_feed(FEED, state, tools).state.failures == 0


def test_retry_after_is_obeyed(tools: PollTools, site: Site) -> None:
    site.status, site.headers = 429, {"retry-after": "5000"}
    assert poll_feed(FEED, FeedState(), tools).state.due_at == 6_000.0


def test_what_is_no_feed_is_a_failure_of_the_feed(tools: PollTools, site: Site) -> None:
    site.items = []
    tools = PollTools(**{**vars(tools), "client": httpx.Client(transport=httpx.MockTransport(_page))})
    state = poll_feed(FEED, FeedState(), tools).state
    assert state.failures == 1
    assert "neither RSS" in (state.last_error or "")


def _page(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, text="<html><body>Sorry</body></html>")


def test_backoff_ends_at_an_hour_or_sixty_intervals() -> None:
    assert backoff_s(1.0, 1) == 2.0
    assert backoff_s(1.0, 50) == 60.0
    assert backoff_s(300.0, 50) == 3_600.0
    assert backoff_s(86_400.0, 50) == 86_400.0


def test_a_host_is_asked_by_one_at_a_time_and_not_too_often() -> None:
    now = [0.0]
    gate = HostGate(2.0, lambda: now[0])
    assert gate.enter("a.example") == 0
    assert gate.enter("a.example") > 0
    assert gate.enter("b.example") == 0
    gate.leave("a.example")
    assert gate.enter("a.example") == 2.0
    now[0] = 2.0
    assert gate.enter("a.example") == 0
    assert gate.enter("127.0.0.1") == gate.enter("127.0.0.1") == 0


def running(tools: PollTools, site: Site, **changes: Any) -> Poller:
    fast = PollTools(**{**vars(tools), "clock": time.time, **changes})
    return Poller([FEED.model_copy(update={"interval": 0.05})], fast, threads=2)


def test_the_poller_goes_on_polling_and_stops_when_told(tools: PollTools, site: Site, publisher: Any) -> None:
    poller = running(tools, site)
    poller.start()
    assert wait_for(lambda: len(site.requests) >= 3)
    assert poller.is_alive()
    assert poller.stop(5.0)
    assert len(publisher.articles) == 1
    assert poller.health()["failing"] == {}


def test_a_feed_that_another_worker_polls_is_left_alone(tools: PollTools, site: Site, feed_states: Any) -> None:
    feed_states.held.add(FEED.key)
    poller = running(tools, site)
    poller.start()
    time.sleep(0.3)
    assert site.requests == []
    feed_states.held.clear()
    assert wait_for(lambda: len(site.requests) > 0)
    assert poller.stop(5.0)


def test_a_fault_in_one_poll_does_not_end_the_poller(tools: PollTools, site: Site, publisher: Any) -> None:
    class Broken:
        def accept(self, _items: object) -> None:
            raise RuntimeError("a bug")

    poller = running(tools, site, acceptor=Broken())
    poller.start()
    assert wait_for(lambda: len(site.requests) > 0)
    time.sleep(0.1)
    assert poller.is_alive()
    assert poller.stop(30.0)


def test_while_redis_is_away_no_feed_is_fetched_and_then_it_goes_on(
    tools: PollTools, site: Site, feed_states: Any
) -> None:
    feed_states.away = True
    poller = running(tools, site)
    poller.start()
    time.sleep(0.3)
    assert site.requests == []
    feed_states.away = False
    assert wait_for(lambda: len(site.requests) > 0)
    assert poller.stop(5.0)


def test_after_a_wait_for_kafka_it_is_asked_before_the_site_is_troubled_again(
    tools: PollTools, site: Site, publisher: Any
) -> None:
    publisher.away = True

    def check() -> None:
        if publisher.away:
            raise KafkaAway("still away")

    poller = running(tools, site, check_kafka=check)
    poller.start()
    assert wait_for(lambda: len(site.requests) == 1)
    time.sleep(1.5)
    assert len(site.requests) == 1
    publisher.away = False
    assert wait_for(lambda: len(publisher.articles) == 1)
    assert poller.stop(5.0)
