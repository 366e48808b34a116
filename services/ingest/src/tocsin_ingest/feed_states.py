"""What workers share about each feed in Redis: its position, when it is due, and who is polling it now."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Final, Protocol, cast

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin_ingest.away import RedisAway
from tocsin_ingest.connect_redis import RedisClient, redis_errors
from tocsin_ingest.fetch_feed import MAX_VALIDATOR_CHARS, Position

LOCK_MS: Final = 8_000
"""After a kill -9 a feed rests this long; while its worker lives, the lock is renewed every quarter of it."""

_RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

log = structlog.get_logger(__name__)


class FeedState(BaseModel):
    """A feed's position and schedule. It is written only after Kafka has acknowledged what the feed held.

    `body_digest` stands in for the validators where a server sends none; `due_at` is in seconds since the epoch.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    etag: str | None = Field(default=None, max_length=MAX_VALIDATOR_CHARS)
    last_modified: str | None = Field(default=None, max_length=MAX_VALIDATOR_CHARS)
    body_digest: str | None = Field(default=None, max_length=64)
    due_at: float = 0.0
    failures: int = Field(default=0, ge=0)
    last_error: str | None = None
    last_success_at: float | None = None

    @property
    def position(self) -> Position:
        """Return what conditional requests are made with."""
        return Position(self.etag, self.last_modified)


class FeedStates(Protocol):
    """The states of all feeds, shared by all workers."""

    def load(self, feed_key: str) -> FeedState:
        """Return the state, a fresh one when there is none. Raises RedisAway."""
        ...

    def save(self, feed_key: str, state: FeedState) -> None:
        """Write the state. Raises RedisAway."""
        ...

    def polling(self, feed_key: str) -> AbstractContextManager[bool]:
        """Hold the feed's lock; the context's value is False when another worker holds it. Raises RedisAway."""
        ...


class RedisFeedStates:
    """FeedStates in Redis: `{prefix}feed:{key}` (with expiry) and `{prefix}feed-lock:{key}`."""

    def __init__(self, client: RedisClient, prefix: str, keep: timedelta, lock_ms: int = LOCK_MS) -> None:
        self._client = client
        self._prefix = prefix
        self._keep_ms = max(1, int(keep.total_seconds() * 1000))
        self._lock_ms = lock_ms
        self._renew_script = client.register_script(_RENEW)
        self._release_script = client.register_script(_RELEASE)

    def load(self, feed_key: str) -> FeedState:
        """See FeedStates."""
        with redis_errors():
            value = cast("bytes | None", self._client.get(f"{self._prefix}feed:{feed_key}"))
        if value is None:
            return FeedState()
        try:
            return FeedState.model_validate_json(value)
        except ValidationError:
            # Written by another version. Reading the feed from its start repeats nothing: its articles are remembered.
            return FeedState()

    def save(self, feed_key: str, state: FeedState) -> None:
        """See FeedStates."""
        with redis_errors():
            self._client.set(f"{self._prefix}feed:{feed_key}", state.model_dump_json(), px=self._keep_ms)

    @contextmanager
    def polling(self, feed_key: str) -> Iterator[bool]:
        """See FeedStates. A thread renews the lock for as long as the context lasts."""
        key, token = f"{self._prefix}feed-lock:{feed_key}", secrets.token_hex(8)
        with redis_errors():
            held = bool(self._client.set(key, token, nx=True, px=self._lock_ms))
        if not held:
            yield False
            return
        done = threading.Event()
        renewer = threading.Thread(target=self._renew, args=(key, token, done), name="renew-feed-lock", daemon=True)
        renewer.start()
        try:
            yield True
        finally:
            done.set()
            self._release(key, token)

    def _renew(self, key: str, token: str, done: threading.Event) -> None:
        while not done.wait(self._lock_ms / 4_000):
            try:
                with redis_errors():
                    self._renew_script(keys=[key], args=[token, self._lock_ms])
            except RedisAway:
                # A lock that expires meanwhile costs a double poll, which the memory sorts out.
                log.debug("feed lock not renewed")

    def _release(self, key: str, token: str) -> None:
        try:
            with redis_errors():
                self._release_script(keys=[key], args=[token])
        except RedisAway:
            log.debug("feed lock left to expire")
