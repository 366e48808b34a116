"""Ingest's memory: which revision of which article was sent, and which refusals were reported.

The order is always: read the memory, send to Kafka, wait for the acknowledgement, write the memory. A crash in between
costs a repeat of the same message, never an article. Writing compares with what was read, so that of two workers with
different texts of one article the slower one notices and sends its own as the next revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from tocsin_contracts.fields import ContentHash, Id, Revision
from tocsin_ingest.connect_redis import RedisClient, redis_errors

MAX_ORIGINS: Final = 8
"""How many feeds are told apart per article; a ninth makes the first forgotten."""

_SWAP: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
"""


class Memory(BaseModel):
    """What is remembered of an article: the latest revision, and the content each feed last showed.

    Two feeds may carry one article in different lengths for days; only a change within a feed is an edit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    revision: Revision
    content_hash: ContentHash
    story_id: Id
    by_origin: dict[str, ContentHash] = {}

    def knows(self, origin: str, content_hash: str) -> bool:
        """Return whether this content needs no sending when it comes from `origin`."""
        return content_hash in (self.content_hash, self.by_origin.get(origin))

    def seen(self, origin: str, content_hash: str) -> "Memory":
        """Return the memory after `origin` has shown a content that needed no sending."""
        return self.model_copy(update={"by_origin": self._with(origin, content_hash)})

    def revised(self, origin: str, content_hash: str) -> "Memory":
        """Return the memory after the content was sent as the next revision."""
        return self.model_copy(
            update={
                "revision": self.revision + 1,
                "content_hash": content_hash,
                "by_origin": self._with(origin, content_hash),
            }
        )

    def _with(self, origin: str, content_hash: str) -> dict[str, str]:
        origins = {name: seen for name, seen in self.by_origin.items() if name != origin}
        while len(origins) >= MAX_ORIGINS:
            del origins[next(iter(origins))]
        return {**origins, origin: content_hash}


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory together with the very bytes it was read from, which writing compares; both empty when there is none."""

    memory: Memory | None
    raw: bytes = b""


class Memories(Protocol):
    """The memory shared by all workers."""

    def recall(self, article_ids: Sequence[str]) -> list[Recalled]:
        """Return what is remembered, one entry per id. Raises RedisAway."""
        ...

    def remember(self, changes: Sequence[tuple[str, bytes, Memory]]) -> list[bool]:
        """Write (article id, raw as recalled, new memory); False where another worker wrote first. Raises RedisAway."""
        ...

    def keep(self, article_ids: Sequence[str]) -> None:
        """Put off the expiry of what was seen again. Raises RedisAway."""
        ...

    def unreported(self, refusals: Sequence[str]) -> list[bool]:
        """Return for each refusal (by dead letter id) whether it has not been reported yet. Raises RedisAway."""
        ...

    def reported(self, refusals: Sequence[str]) -> None:
        """Remember refusals as reported. Raises RedisAway."""
        ...


class RedisMemories:
    """Memories in Redis: `{prefix}seen:{article id}` and `{prefix}refused:{dead letter id}`, with expiry."""

    def __init__(self, client: RedisClient, prefix: str, keep: timedelta) -> None:
        self._client = client
        self._prefix = prefix
        self._keep_ms = max(1, int(keep.total_seconds() * 1000))
        self._swap = client.register_script(_SWAP)

    def recall(self, article_ids: Sequence[str]) -> list[Recalled]:
        """See Memories."""
        if not article_ids:
            return []
        with redis_errors():
            values = cast("list[bytes | None]", self._client.mget([self._seen(id_) for id_ in article_ids]))
        return [_read(value) for value in values]

    def remember(self, changes: Sequence[tuple[str, bytes, Memory]]) -> list[bool]:
        """See Memories."""
        if not changes:
            return []
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for article_id, raw, memory in changes:
                args: list[bytes | str | int] = [raw, memory.model_dump_json(), self._keep_ms]
                self._swap(keys=[self._seen(article_id)], args=args, client=pipeline)
            return [bool(done) for done in pipeline.execute()]

    def keep(self, article_ids: Sequence[str]) -> None:
        """See Memories."""
        self._extend([self._seen(id_) for id_ in article_ids])

    def unreported(self, refusals: Sequence[str]) -> list[bool]:
        """See Memories."""
        if not refusals:
            return []
        keys = [self._refused(id_) for id_ in refusals]
        with redis_errors():
            values = cast("list[bytes | None]", self._client.mget(keys))
        self._extend([key for key, value in zip(keys, values, strict=True) if value is not None])
        return [value is None for value in values]

    def reported(self, refusals: Sequence[str]) -> None:
        """See Memories."""
        if not refusals:
            return
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for id_ in refusals:
                pipeline.set(self._refused(id_), b"1", px=self._keep_ms)
            pipeline.execute()

    def _extend(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.pexpire(key, self._keep_ms)
            pipeline.execute()

    def _seen(self, article_id: str) -> str:
        return f"{self._prefix}seen:{article_id}"

    def _refused(self, dead_letter_id: str) -> str:
        return f"{self._prefix}refused:{dead_letter_id}"


def _read(value: bytes | None) -> Recalled:
    if value is None:
        return Recalled(None)
    try:
        return Recalled(Memory.model_validate_json(value), value)
    except ValidationError:
        # Written by another version: the article counts as new, and the bytes still serve the comparison.
        return Recalled(None, value)
