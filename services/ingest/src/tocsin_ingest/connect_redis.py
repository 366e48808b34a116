"""The Redis client of ingest: short timeouts, one retry, and its failures as RedisAway."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from tocsin_contracts.settings import RedisSettings
from tocsin_ingest.away import RedisAway

RedisClient = redis.Redis


def connect_redis(settings: RedisSettings) -> RedisClient:
    """Return a client; it connects with the first command. Every command answers or fails within about 7 seconds."""
    return redis.Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_connect_timeout=2,
        socket_timeout=3,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.1), retries=1),
        health_check_interval=15,
    )


@contextmanager
def redis_errors() -> Iterator[None]:
    """Turn redis-py's errors (no connection, time-outs, loading, read-only, out of memory) into RedisAway."""
    try:
        yield
    except redis.RedisError as error:
        raise RedisAway(f"Redis does not answer: {error}") from error
