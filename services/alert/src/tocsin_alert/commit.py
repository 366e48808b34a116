"""The states of groups in Redis, and the one atomic call that commits a new state with its alerts."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from tocsin_alert.channels import channels_of
from tocsin_alert.redis_client import Durability, find_durability, is_away
from tocsin_alert.rule import Rule
from tocsin_alert.state import GroupState, UnreadableState, dump_state, load_state
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.codec import encode
from tocsin_contracts.ids import digest_id
from tocsin_contracts.worker import RetryLater

log = structlog.get_logger(__name__)

SYNC_TIMEOUT_MS: Final = 4_000
"""Below the socket timeout."""


class Outcome(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    REPEATED = "repeated"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Stored:
    """A group's state as it was read; `token` names exactly this content, empty when there is none."""

    token: str = ""
    state: GroupState | None = None
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of an article: the highest revision seen, and the groups it ever contributed to."""

    revision: int
    groups: tuple[str, ...]


class GroupStore:
    """States, due times and articles' memories under one key prefix.

    Every call raises RetryLater when Redis is away, and other RedisErrors for what waiting will not cure.
    """

    def __init__(self, client: Redis, prefix: str, *, stream_max_entries: int) -> None:
        self._client, self._prefix, self._max_entries = client, prefix, stream_max_entries
        self._due = f"{prefix}due"
        self._stream = f"{prefix}alerts"
        self._commit = client.register_script(_script("commit_alert.lua"))
        self._remember = client.register_script(_script("remember_article.lua"))
        self._durability: Durability | None = None

    @property
    def durability(self) -> Durability | None:
        """How commits are made durable; None before the first."""
        return self._durability

    async def prepare(self) -> Durability:
        """Ask Redis how it makes writes durable, once, and warn when it does not."""
        if self._durability is None:
            self._durability = await _patiently(find_durability(self._client))
            if self._durability is Durability.UNKNOWN:
                log.warning("Redis may lose alerts in a crash: set appendonly yes and appendfsync always")
        return self._durability

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def load(self, key: str) -> Stored:
        """Return the state of the group named by `key`. Raises UnreadableState too."""
        value = cast("bytes | None", await _patiently(self._client.get(self._state_key(key))))
        if value is None:
            return Stored()
        try:
            token, _, text = value.decode().partition("\n")
        except UnicodeDecodeError as error:
            raise UnreadableState(f"the state of {key} is not UTF-8") from error
        state, rule = load_state(text)
        return Stored(token, state, rule)

    async def commit(
        self,
        key: str,
        read: Stored,
        state: GroupState,
        rule: Rule | None,
        *,
        due_at: int | None,
        alerts: Sequence[AlertV1],
    ) -> Outcome:
        """Replace the state that was read by `state` and announce the alerts, or do nothing when it has moved.

        An idle state is forgotten; any other is stored with the rule it was evaluated by.
        `due_at` in microseconds. When this returns, the commit survives a crash of Redis as far as Redis can promise.
        """
        await self.prepare()
        text = "" if state.is_idle or rule is None else dump_state(state, rule)
        token = digest_id(text) if text else ""
        # Rounded up, so that a group which is found due is due.
        due = "" if due_at is None or not text else str(-(-due_at // 1_000))
        args: list[str | bytes | int] = [read.token, token, text, key, due, self._max_entries, len(alerts)]
        for alert in alerts:
            channels = channels_of(alert, self._prefix)
            args += [encode(alert), alert.alert_id, alert.revision, alert.status, alert.level, len(channels), *channels]
        answer = await _patiently(self._run_commit([self._state_key(key), self._due, self._stream], args))
        return Outcome(answer.decode())

    async def due(self, now: int, limit: int) -> list[str]:
        """Return up to `limit` keys of groups that are due at `now` (microseconds), the longest due first."""
        found = await _patiently(self._client.zrangebyscore(self._due, "-inf", now // 1_000, start=0, num=limit))
        return [member.decode(errors="replace") for member in cast("list[bytes]", found)]

    async def postpone(self, key: str, until: int) -> None:
        """Look at a group again at `until` (microseconds) when it is due before."""
        await _patiently(self._client.zadd(self._due, {key: until // 1_000}, xx=True, gt=True))

    async def remember(self, articles: Sequence[tuple[str, int, Sequence[str]]], *, keep_s: int) -> list[Memory]:
        """Remember (article id, revision, keys of groups it contributes to now) and return what is known of each."""
        if not articles:
            return []
        answers = await _patiently(self._run_remember(articles, keep_s))
        return [Memory(int(answer[0]), tuple(group.decode() for group in answer[1:])) for answer in answers]

    def _state_key(self, key: str) -> str:
        return f"{self._prefix}rule:{key}"

    async def _run_commit(self, keys: list[str], args: list[str | bytes | int]) -> bytes:
        if self._durability is not Durability.WAIT:
            return cast("bytes", await cast("Awaitable[Any]", self._commit(keys=keys, args=args)))
        # WAITAOF waits for the writes of its own connection, hence the pipeline.
        pipe = self._client.pipeline(transaction=False)
        await cast("Awaitable[Any]", self._commit(keys=keys, args=args, client=pipe))
        pipe.execute_command("WAITAOF", 1, 0, SYNC_TIMEOUT_MS)
        answer, synced = await pipe.execute()
        if int(synced[0]) < 1:
            raise RetryLater(f"Redis has not written to its disk within {SYNC_TIMEOUT_MS} ms")
        return cast("bytes", answer)

    async def _run_remember(self, articles: Sequence[tuple[str, int, Sequence[str]]], keep_s: int) -> list[list[bytes]]:
        pipe = self._client.pipeline(transaction=False)
        for article_id, revision, groups in articles:
            args: list[str | int] = [revision, keep_s, *groups]
            await cast(
                "Awaitable[Any]", self._remember(keys=[f"{self._prefix}article:{article_id}"], args=args, client=pipe)
            )
        return cast("list[list[bytes]]", await pipe.execute())


async def _patiently(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except NoScriptError as error:
        # Redis was restarted between the loading of a script and its use in a pipeline.
        raise RetryLater("Redis has forgotten a script") from error
    except (RedisError, OSError) as error:
        if is_away(error):
            raise RetryLater(f"Redis: {error}") from error
        raise


def _script(name: str) -> str:
    return files("tocsin_alert").joinpath(name).read_text(encoding="utf-8")
