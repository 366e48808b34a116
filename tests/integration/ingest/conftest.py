"""A pipeline on real Kafka and Redis under names of the test's own, a reader of its topics, a web site with a feed."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from support.read_topic import read_topic
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.codec import decode
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.settings import KafkaSettings
from tocsin_ingest.accept import Acceptor
from tocsin_ingest.connect_redis import RedisClient, connect_redis
from tocsin_ingest.feed_states import RedisFeedStates
from tocsin_ingest.fetch_url import make_http_client
from tocsin_ingest.poll_feeds import PollTools
from tocsin_ingest.publish import KafkaPublisher
from tocsin_ingest.respect_robots import Robots
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.wire import make_acceptor


@pytest.fixture
def settings(kafka_settings: KafkaSettings, redis_url: str, redis_prefix: str) -> IngestSettings:
    return IngestSettings(
        kafka_bootstrap_servers=kafka_settings.kafka_bootstrap_servers,
        topic_prefix=kafka_settings.topic_prefix,
        redis_url=SecretStr(redis_url),
        redis_prefix=redis_prefix,
    )


@pytest.fixture
def redis_client(settings: IngestSettings) -> Iterator[RedisClient]:
    client = connect_redis(settings)
    yield client
    for key in client.scan_iter(match=f"{settings.redis_prefix}*"):
        client.delete(key)
    client.close()


@pytest.fixture
def publisher(settings: IngestSettings) -> Iterator[KafkaPublisher]:
    publisher = KafkaPublisher(settings)
    yield publisher
    publisher.close()


@pytest.fixture
def acceptor(settings: IngestSettings, redis_client: RedisClient, publisher: KafkaPublisher) -> Acceptor:
    return make_acceptor(settings, redis_client, publisher)


class Topics:
    """Reads whole topics, from their beginning to their present end."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings

    def records(self, name: str) -> list[Any]:
        return read_topic(self._settings.kafka_bootstrap_servers, f"{self._settings.topic_prefix}{name}")

    def articles(self) -> list[ArticleV1]:
        return [decode(ArticleV1, record.value) for record in self.records("articles")]

    def dead_letters(self) -> list[DeadLetterV1]:
        return [decode(DeadLetterV1, record.value) for record in self.records("dead-letters")]


@pytest.fixture
def topics(settings: IngestSettings) -> Topics:
    return Topics(settings)


@dataclass
class Request:
    """A request for the feed: what condition it carried and how it was answered."""

    if_none_match: str | None
    status: int


class Site:
    """A web site on a free port with one JSON Feed, whose ETag is the number of its version."""

    def __init__(self) -> None:
        self.items: list[dict[str, object]] = []
        self.requests: list[Request] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(
                    {"version": "https://jsonfeed.org/version/1.1", "title": "Osk Gazette", "items": site.items}
                ).encode()
                tag = f'"{len(body)}-{hash(body)}"'
                if self.path != "/feed.json":
                    self.send_error(404)
                    return
                fresh = self.headers.get("if-none-match") == tag
                site.requests.append(Request(self.headers.get("if-none-match"), 304 if fresh else 200))
                self.send_response(304 if fresh else 200)
                self.send_header("ETag", tag)
                self.send_header("Content-Type", "application/feed+json")
                self.send_header("Content-Length", "0" if fresh else str(len(body)))
                self.end_headers()
                if not fresh:
                    self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/feed.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, name: str, text: str = "A ferry sank near Osk and all on board were saved.") -> None:
        self.items.insert(0, {"id": name, "url": f"https://osk.example/{name}", "title": name, "content_text": text})


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def make_tools(settings: IngestSettings, redis_client: RedisClient) -> Iterator[Callable[..., PollTools]]:
    """Return a maker of what one worker polls with."""
    clients: list[httpx.Client] = []

    def make(acceptor: Acceptor, publisher: KafkaPublisher) -> PollTools:
        client = make_http_client(settings)
        clients.append(client)
        return PollTools(
            client=client,
            robots=Robots(client, "Tocsin"),
            acceptor=acceptor,
            states=RedisFeedStates(redis_client, settings.redis_prefix, timedelta(days=1), lock_ms=2_000),
            check_kafka=publisher.check,
            settings=settings,
        )

    yield make
    for client in clients:
        client.close()
