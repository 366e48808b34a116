"""Polls each feed at its interval, with jitter, backoff and manners, and moves its position after Kafka's word only."""

import contextvars
import hashlib
import heapq
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
import structlog

from tocsin_ingest.accept import Acceptor
from tocsin_ingest.away import Away
from tocsin_ingest.feed_states import FeedState, FeedStates
from tocsin_ingest.feeds_file import Feed
from tocsin_ingest.fetch_feed import Fetched, NotModified, fetch_feed
from tocsin_ingest.fetch_url import FetchFailed
from tocsin_ingest.host_gate import HostGate
from tocsin_ingest.parse_feed import FeedIdentity, FeedUnreadable, parse_feed
from tocsin_ingest.respect_robots import Robots
from tocsin_ingest.settings import FetchSettings

BATCH: Final = 200
JITTER: Final = 0.1
MAX_BACKOFF_INTERVALS: Final = 60.0
MAX_BACKOFF_S: Final = 3_600.0
MAX_AWAY_WAIT_S: Final = 5.0
"""Kafka and Redis are our own: asking again soon bothers nobody, and while Kafka is away no feed is fetched."""
TAKEN_WAIT_S: Final = 1.0
STALLED_AFTER_S: Final = 600.0
"""Longer than any poll can take within its own bounds."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PollTools:
    """What a poll needs. `check_kafka` raises KafkaAway; it is asked before a feed that waited is fetched again."""

    client: httpx.Client
    robots: Robots
    acceptor: Acceptor
    states: FeedStates
    check_kafka: Callable[[], None]
    settings: FetchSettings
    clock: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


@dataclass
class PollResult:
    """A poll's new state, and what its items became (by status); empty when nothing had changed."""

    state: FeedState
    counts: Counter[str] = field(default_factory=Counter)


def poll_feed(feed: Feed, state: FeedState, tools: PollTools) -> PollResult:
    """Fetch, parse and send one feed, and return its new state, due again at its interval or, after errors, later.

    Raises KafkaAway or RedisAway; then the state must stay as it was.
    """
    now = tools.clock()
    interval = feed.interval
    try:
        if feed.robots:
            interval = max(interval, tools.robots.delay_s(feed.url))
        fetched = fetch_feed(tools.client, feed.url, state.position, tools.settings)
        if isinstance(fetched, NotModified):
            return PollResult(_succeeded(state, now, interval, tools))
        digest = hashlib.sha256(fetched.body).hexdigest()
        counts = Counter[str]() if digest == state.body_digest else _send(feed, fetched, tools)
    except (FetchFailed, FeedUnreadable) as error:
        return PollResult(_failed(state, now, interval, tools, error))
    moved = {
        "etag": fetched.position.etag,
        "last_modified": fetched.position.last_modified,
        "body_digest": digest,
    }
    return PollResult(_succeeded(state.model_copy(update=moved), now, interval, tools), counts)


def _send(feed: Feed, fetched: Fetched, tools: PollTools) -> Counter[str]:
    identity = FeedIdentity(
        origin=f"feed:{feed.name}",
        name=feed.name,
        source_name=feed.source.name if feed.source else None,
        source_domain=feed.source_domain,
        language=feed.language,
    )
    limit = tools.settings.ingest_max_feed_items
    items = parse_feed(fetched.body, identity, content_type=fetched.content_type, max_items=limit + 1)
    if len(items) > limit:
        log.warning("feed cut: it has more items than TOCSIN_INGEST_MAX_FEED_ITEMS", feed=feed.name, limit=limit)
    counts = Counter[str]()
    # Feeds list the newest first; sent the other way round, articles arrive in the order they were written.
    items = items[:limit][::-1]
    for start in range(0, len(items), BATCH):
        outcomes = tools.acceptor.accept(items[start : start + BATCH])
        counts.update(outcome.status.value for outcome in outcomes)
    return counts


def _succeeded(state: FeedState, now: float, interval: float, tools: PollTools) -> FeedState:
    due_at = now + interval * _jitter(tools)
    return state.model_copy(update={"due_at": due_at, "failures": 0, "last_error": None, "last_success_at": now})


def _failed(state: FeedState, now: float, interval: float, tools: PollTools, error: Exception) -> FeedState:
    failures = state.failures + 1
    wait_s = backoff_s(interval, failures) * _jitter(tools)
    if isinstance(error, FetchFailed) and error.retry_after_s is not None:
        wait_s = max(wait_s, error.retry_after_s)
    return state.model_copy(update={"due_at": now + wait_s, "failures": failures, "last_error": str(error)[:500]})


def backoff_s(interval: float, failures: int) -> float:
    """Return the seconds to wait after so many failures in a row: doubling, at most 60 intervals or an hour."""
    longest = max(interval, min(MAX_BACKOFF_S, MAX_BACKOFF_INTERVALS * interval))
    return float(min(longest, interval * 2.0 ** min(failures, 30)))


def _jitter(tools: PollTools) -> float:
    return 1.0 + JITTER * (2.0 * tools.random() - 1.0)


class Poller:
    """Threads that poll the feeds. Other workers with the same Redis prefix share the work."""

    def __init__(self, feeds: Sequence[Feed], tools: PollTools, threads: int) -> None:
        self._tools = tools
        self._gate = HostGate(tools.settings.ingest_host_delay_s)
        self._condition = threading.Condition()
        self._stopping = False
        self._order = itertools.count()
        # (monotonic second when due, tie-breaker, feed, how often Kafka or Redis was away in a row)
        self._queue = [(0.0, next(self._order), feed, 0) for feed in feeds]
        self._latest: dict[str, FeedState] = {}
        count = min(threads, len(feeds))
        self._beats = [time.monotonic()] * count
        self._threads = [
            # In a copy of this context, so that the threads' log lines name the service too.
            threading.Thread(
                target=contextvars.copy_context().run, args=(self._run, number), name=f"poll-{number}", daemon=True
            )
            for number in range(count)
        ]

    def start(self) -> None:
        """Start polling."""
        for number, thread in enumerate(self._threads):
            self._beats[number] = time.monotonic()
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Ask the threads to end and wait; False when one still works after `timeout_s` (it is safe to leave it)."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def is_alive(self) -> bool:
        """Return whether every thread still makes progress."""
        limit = time.monotonic() - STALLED_AFTER_S
        return all(t.is_alive() and beat > limit for t, beat in zip(self._threads, self._beats, strict=True))

    def health(self) -> dict[str, object]:
        """Return how many feeds there are and which fail now, at most twenty of them."""
        latest = dict(self._latest)
        failing = {name: state.last_error for name, state in latest.items() if state.failures}
        return {
            "feeds": len(self._queue_names()),
            "polled": len(latest),
            "failing": dict(itertools.islice(failing.items(), 20)),
        }

    def _queue_names(self) -> set[str]:
        with self._condition:
            return {feed.name for _, _, feed, _ in self._queue} | set(self._latest)

    def _run(self, number: int) -> None:
        while (taken := self._take(number)) is not None:
            feed, away = taken
            try:
                wait_s = self._visit(feed, away > 0)
                away = 0
            except Away as error:
                away += 1
                wait_s = min(MAX_AWAY_WAIT_S, 0.5 * 2.0 ** min(away, 10))
                if away == 1:
                    log.warning("feed waits", feed=feed.name, reason=str(error))
            except Exception:
                # A fault of ours in one feed must not stop the others; the position has not moved.
                log.exception("poll failed", feed=feed.name)
                wait_s = max(feed.interval, 30.0)
            with self._condition:
                heapq.heappush(self._queue, (time.monotonic() + wait_s, next(self._order), feed, away))
                self._condition.notify()

    def _take(self, number: int) -> tuple[Feed, int] | None:
        """Return the next feed that is due, waiting for it; None when it is time to end."""
        with self._condition:
            while not self._stopping:
                self._beats[number] = time.monotonic()
                wait_s = min(60.0, self._queue[0][0] - time.monotonic()) if self._queue else 60.0
                if wait_s <= 0:
                    _, _, feed, away = heapq.heappop(self._queue)
                    return feed, away
                self._condition.wait(wait_s)
        return None

    def _visit(self, feed: Feed, was_away: bool) -> float:
        """Poll the feed if it is due and nobody else does; return the seconds until it is to be looked at again."""
        states, clock = self._tools.states, self._tools.clock
        early_s = self._early(feed, states.load(feed.key))
        if early_s > 0:
            return early_s
        if was_away:
            self._tools.check_kafka()
        if (wait_s := self._gate.enter(feed.host)) > 0:
            return wait_s
        try:
            with states.polling(feed.key) as held:
                if not held:
                    return min(TAKEN_WAIT_S, feed.interval)
                state = states.load(feed.key)
                if (early_s := self._early(feed, state)) > 0:
                    return early_s
                result = poll_feed(feed, state, self._tools)
                states.save(feed.key, result.state)
        finally:
            self._gate.leave(feed.host)
        self._tell(feed, state, result)
        return max(0.05, result.state.due_at - clock())

    def _early(self, feed: Feed, state: FeedState) -> float:
        self._latest[feed.name] = state
        # At most an interval at a time, so that a clock that was wrong cannot silence a feed for long.
        return min(state.due_at - self._tools.clock(), feed.interval * (1 + JITTER) + 1.0)

    def _tell(self, feed: Feed, before: FeedState, result: PollResult) -> None:
        self._latest[feed.name] = result.state
        if result.state.failures:
            wait_s = round(result.state.due_at - self._tools.clock(), 1)
            log.warning("feed failed", feed=feed.name, reason=result.state.last_error, again_in_s=wait_s)
        elif before.failures:
            log.info("feed answers again", feed=feed.name)
        if any(status != "duplicate" for status in result.counts):
            log.info("feed read", feed=feed.name, **result.counts)
