"""The stream of alerts and the named cursors on Redis, and how Redis' absence is waited out."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tocsin_cli.subscribe.stop_cleanly import StopRequest
from tocsin_contracts.settings import RedisSettings

T = TypeVar("T")

_BLOCK_S: Final = 2.0
_SOCKET_TIMEOUT_S: Final = 10.0
"""Well above the time that a read blocks, so that a quiet stream never looks like a broken connection."""
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 5.0

_MOVE_CURSOR: Final = """
local current = redis.call('GET', KEYS[1])
if current and current ~= ARGV[1] and current ~= ARGV[2] then return current end
redis.call('SET', KEYS[1], ARGV[2])
return false
"""
"""Moves a cursor from where its owner left it. Repeating a move whose reply was lost changes nothing."""


class StreamRefused(Exception):
    """Redis answers, and waiting will not change its answer; the message says what to do."""


class CursorMovedElsewhere(Exception):
    """Somebody else moved the cursor meanwhile."""


@dataclass(frozen=True)
class Entry:
    """One entry of the stream, as it lies there."""

    stream_id: str
    fields: dict[bytes, bytes]


@dataclass(frozen=True)
class Extent:
    """Where the stream begins and ends; None in an empty stream."""

    first_id: str | None
    last_id: str


def show_address(url: str) -> str:
    """Return the server's address without user and password."""
    parts = urlsplit(url)
    return f"{parts.hostname or parts.path or 'localhost'}{f':{parts.port}' if parts.port else ''}"


class AlertStream:
    """Reads the stream of alerts and keeps cursors. Every call waits until Redis answers or the end is asked for.

    `notice` is told once when Redis goes away and once when it is back. Calls raise Stopped, StreamRefused.
    """

    def __init__(self, settings: RedisSettings, stop: StopRequest, notice: Callable[[str], None]) -> None:
        self._url = settings.redis_url.get_secret_value()
        self._prefix = settings.redis_prefix
        self._key = f"{settings.redis_prefix}alerts"
        self._stop = stop
        self._notice = notice
        self.address = show_address(self._url)
        self.interruptions = 0
        try:
            self._client: redis.Redis = redis.Redis.from_url(
                self._url,
                socket_timeout=_SOCKET_TIMEOUT_S,
                socket_connect_timeout=3,
                # The waiting is done here, where it can be interrupted and is told to the user.
                retry=Retry(NoBackoff(), 0),
                client_name="tocsin-subscribe",
            )
        except ValueError as error:
            raise StreamRefused(f"TOCSIN_REDIS_URL: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def extent(self) -> Extent:
        """Return the first id and the last id ever given; of a stream not yet there, None and `0-0`."""
        try:
            info = self._patiently(lambda: self._client.xinfo_stream(self._key))
        except _NoSuchKey:
            return Extent(None, "0-0")
        first = info.get("first-entry")
        return Extent(_text(first[0]) if first else None, _text(info["last-generated-id"]))

    def has(self, stream_id: str) -> bool:
        """Return whether the stream still holds the entry."""
        return bool(self._patiently(lambda: self._client.xrange(self._key, stream_id, stream_id, count=1)))

    def before(self, stream_id: str, count: int) -> list[Entry]:
        """Return up to `count` entries that end with `stream_id`, oldest first."""
        found: Any = self._patiently(lambda: self._client.xrevrange(self._key, stream_id, "-", count=count))
        return [Entry(_text(entry_id), fields) for entry_id, fields in reversed(found)]

    def after(self, stream_id: str, count: int) -> list[Entry]:
        """Return up to `count` entries after `stream_id`; waits about two seconds for one, then returns none."""
        self._stop.check()
        block_ms = max(1, int(self._stop.remaining_s(_BLOCK_S) * 1_000))
        found = self._patiently(lambda: self._client.xread({self._key: stream_id}, count=count, block=block_ms))
        return [Entry(_text(entry_id), fields) for entry_id, fields in _entries(found)]

    def cursor(self, name: str) -> str | None:
        """Return the stream id at which the cursor stands, None when there is no such cursor."""
        value = self._patiently(lambda: self._client.get(self._cursor_key(name)))
        return None if value is None else _text(value)

    def move_cursor(self, name: str, previous: str, stream_id: str) -> None:
        """Move the cursor from where this subscriber left it (empty: nowhere yet). Raises CursorMovedElsewhere."""
        key = self._cursor_key(name)
        current = self._patiently(
            lambda: self._client.eval(_MOVE_CURSOR, 1, key, previous, stream_id), interruptible=False
        )
        if current is not None:
            raise CursorMovedElsewhere(_text(current))

    def _cursor_key(self, name: str) -> str:
        return f"{self._prefix}cursor:{name}"

    def _patiently(self, call: Callable[[], T], *, interruptible: bool = True) -> T:
        wait_s, away = _FIRST_WAIT_S, False
        while True:
            try:
                # What changes something is finished once begun: whether it happened must not stay open.
                with self._stop.waiting() if interruptible else nullcontext():
                    result = call()
            except redis.AuthenticationError as error:
                raise StreamRefused(
                    f"Redis at {self.address} refuses the user or password in TOCSIN_REDIS_URL: {error}"
                ) from error
            except redis.ResponseError as error:
                if "no such key" in str(error):
                    raise _NoSuchKey from error
                raise StreamRefused(f"Redis at {self.address}: {error}") from error
            except (redis.RedisError, OSError) as error:
                if not away:
                    away = True
                    self.interruptions += 1
                    self._notice(
                        f"Redis at {self.address} does not answer ({error}); waiting for it. `tocsin up` starts one, "
                        "TOCSIN_REDIS_URL names another."
                    )
                self._stop.sleep(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                continue
            if away:
                self._notice(f"Redis at {self.address} answers again.")
            return result


class _NoSuchKey(Exception):
    pass


def _entries(found: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return the entries in XREAD's answer: `{key: [[entry, …]]}` under RESP3, `[[key, [entry, …]]]` under RESP2."""
    if isinstance(found, dict):
        return [entry for batches in found.values() for batch in batches for entry in batch]
    return [entry for _, batch in found or [] for entry in batch]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
