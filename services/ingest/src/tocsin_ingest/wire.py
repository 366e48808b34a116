"""Puts the pipeline together on its real servers; nothing connects before the first article."""

from datetime import timedelta

from tocsin_ingest.accept import Acceptor
from tocsin_ingest.connect_redis import RedisClient
from tocsin_ingest.find_story import RedisStories
from tocsin_ingest.publish import Publisher
from tocsin_ingest.remember import RedisMemories
from tocsin_ingest.settings import MemorySettings


def make_acceptor(settings: MemorySettings, client: RedisClient, publisher: Publisher) -> Acceptor:
    """Return the pipeline with its memory in Redis, sending to `publisher`."""
    return Acceptor(
        RedisMemories(client, settings.redis_prefix, timedelta(days=settings.ingest_memory_days)),
        RedisStories(client, settings.redis_prefix, timedelta(hours=settings.ingest_story_hours)),
        publisher,
    )
