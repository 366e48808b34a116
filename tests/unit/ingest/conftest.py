"""Fakes for the servers that ingest works with: they keep their promises in memory, and break them when told to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_ingest.accept import Acceptor
from tocsin_ingest.away import KafkaAway, RedisAway
from tocsin_ingest.feed_states import FeedState
from tocsin_ingest.find_story import MIN_SIMILARITY, Fingerprint, similarity
from tocsin_ingest.raw_article import RawArticle
from tocsin_ingest.remember import Memory, Recalled

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class FakePublisher:
    def __init__(self) -> None:
        self.articles: list[ArticleV1] = []
        self.dead_letters: list[DeadLetterV1] = []
        self.away = False

    def publish(self, messages: Sequence[ArticleV1 | DeadLetterV1]) -> None:
        if self.away:
            raise KafkaAway("Kafka at nowhere:9092 does not answer")
        for message in messages:
            if isinstance(message, ArticleV1):
                self.articles.append(message)
            else:
                self.dead_letters.append(message)


class FakeMemories:
    """`before_remember` runs between Kafka's acknowledgement and the write, where crashes and other workers fall."""

    def __init__(self) -> None:
        self.seen: dict[str, bytes] = {}
        self.refused: set[str] = set()
        self.before_remember: Callable[[], None] = lambda: None

    def recall(self, article_ids: Sequence[str]) -> list[Recalled]:
        found = [self.seen.get(id_) for id_ in article_ids]
        return [Recalled(Memory.model_validate_json(raw), raw) if raw else Recalled(None) for raw in found]

    def remember(self, changes: Sequence[tuple[str, bytes, Memory]]) -> list[bool]:
        if changes:
            self.before_remember()
        done = []
        for article_id, raw, memory in changes:
            done.append(self.seen.get(article_id, b"") == raw)
            if done[-1]:
                self.seen[article_id] = memory.model_dump_json().encode()
        return done

    def keep(self, article_ids: Sequence[str]) -> None:
        pass

    def unreported(self, refusals: Sequence[str]) -> list[bool]:
        return [id_ not in self.refused for id_ in refusals]

    def reported(self, refusals: Sequence[str]) -> None:
        self.refused.update(refusals)


class FakeStories:
    def __init__(self) -> None:
        self.known: list[tuple[str, Fingerprint]] = []

    def find_or_book(self, story_id: str, fingerprint: Fingerprint) -> str:
        for known_id, known in self.known:
            if similarity(known, fingerprint) >= MIN_SIMILARITY:
                return known_id
        self.known.append((story_id, fingerprint))
        return story_id


class FakeFeedStates:
    def __init__(self) -> None:
        self.states: dict[str, FeedState] = {}
        self.held: set[str] = set()
        self.away = False

    def load(self, feed_key: str) -> FeedState:
        if self.away:
            raise RedisAway("Redis does not answer")
        return self.states.get(feed_key, FeedState())

    def save(self, feed_key: str, state: FeedState) -> None:
        self.states[feed_key] = state

    @contextmanager
    def polling(self, feed_key: str) -> Iterator[bool]:
        yield feed_key not in self.held


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def memories() -> FakeMemories:
    return FakeMemories()


@pytest.fixture
def feed_states() -> FakeFeedStates:
    return FakeFeedStates()


@pytest.fixture
def acceptor(memories: FakeMemories, publisher: FakePublisher) -> Acceptor:
    return Acceptor(memories, FakeStories(), publisher, clock=lambda: NOW)


@pytest.fixture(scope="session")
def fresh_acceptor() -> Callable[[], tuple[Acceptor, FakePublisher]]:
    """Return a maker of pipelines that remember nothing yet, for tests with many examples."""

    def make() -> tuple[Acceptor, FakePublisher]:
        publisher = FakePublisher()
        return Acceptor(FakeMemories(), FakeStories(), publisher, clock=lambda: NOW), publisher

    return make


@pytest.fixture
def make_raw() -> Callable[..., RawArticle]:
    """Return a maker of raw articles; every field can be given."""

    def make(**fields: object) -> RawArticle:
        values: dict[str, object] = {
            "title": "Gunfire at the Osk dam",
            "text": "Soldiers and villagers exchanged fire at the Osk dam on Monday.",
            "source_name": "Valley Courier",
            "origin": "push",
            "payload": b"{}",
            "url": "https://valleycourier.example/osk",
        }
        return RawArticle(**{**values, **fields})  # type: ignore[arg-type]

    return make
