"""The connection to Redis: how long to wait, which failures pass, and whether a write survives a crash."""

from collections.abc import Awaitable
from enum import StrEnum
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004
)

from tocsin_contracts.settings import RedisSettings

SOCKET_TIMEOUT_S: Final = 5.0
"""Longer than any blocking read of this service (see relay.py), so that a quiet stream is no broken connection."""
RETRIES: Final = 2
"""Within one call; each script recognises what an earlier try has written. Longer absences are waited out outside."""

_AWAY: Final = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    NoPermissionError,
    OSError,
)
_AWAY_CODES: Final = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "TRYAGAIN", "NOAUTH", "WRONGPASS", "UNKILLABLE", "BUSY")


class Durability(StrEnum):
    """When Redis' answer to a write means that the write survives a crash."""

    ALWAYS = "always"
    """Redis syncs before it answers (`appendfsync always`)."""
    WAIT = "wait"
    """It answers earlier, and WAITAOF waits for the sync (Redis or Valkey from 7.2 on, with `appendonly yes`)."""
    UNKNOWN = "unknown"
    """Neither: a crash of Redis may lose what it had acknowledged."""


def connect(settings: RedisSettings) -> Redis:
    """Return a client; it connects at its first call. Raises ValueError when the URL is wrong."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), RETRIES),
        client_name="tocsin-alert",
    )


def is_away(error: Exception) -> bool:
    """Return whether the failure lies with the server's state, so that the same call may succeed later."""
    if isinstance(error, ResponseError) and str(error).startswith(_AWAY_CODES):
        return True
    return isinstance(error, _AWAY)


async def find_durability(client: Redis) -> Durability:
    """Return how writes are made durable. Raises RedisError when Redis is away."""
    try:
        found = await cast("Awaitable[dict[Any, Any]]", client.config_get("append*"))
        config = {_text(name): _text(value) for name, value in found.items()}
        if config.get("appendonly") == "yes" and config.get("appendfsync") == "always":
            return Durability.ALWAYS
    except RedisError as error:
        # Hosted servers forbid CONFIG; then WAITAOF alone decides.
        if is_away(error) and not isinstance(error, NoPermissionError):
            raise
    try:
        await cast("Awaitable[Any]", client.execute_command("WAITAOF", 1, 0, 1))  # type: ignore[no-untyped-call]
    except ResponseError:
        return Durability.UNKNOWN
    return Durability.WAIT


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
