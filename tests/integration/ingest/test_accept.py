"""The pipeline on real Kafka and Redis: what arrives on the topics, and what a crash or an outage costs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from tocsin_ingest.accept import Acceptor
from tocsin_ingest.away import KafkaAway, RedisAway
from tocsin_ingest.connect_redis import RedisClient, connect_redis
from tocsin_ingest.http_api import Health, make_app
from tocsin_ingest.publish import KafkaPublisher
from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.remember import Memory
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.wire import make_acceptor

pytestmark = pytest.mark.integration

REPORT = " ".join(f"word{number}" for number in range(80))


def raw(name: str, text: str = "Shots were heard at the Osk dam.") -> RawArticle:
    return RawArticle(name, text, "Osk Gazette", "push", b"{}", url=f"https://osk.example/{name}")


def unreachable(settings: IngestSettings, **changes: Any) -> IngestSettings:
    return settings.model_copy(update={"ingest_kafka_timeout_s": 1.0, **changes})


@pytest.fixture
def client(acceptor: Acceptor, publisher: KafkaPublisher) -> TestClient:
    app = make_app(
        acceptor, Health(lambda: True, publisher.check, dict), token=None, max_body_bytes=10**6, max_items=100
    )
    return TestClient(app, base_url="http://127.0.0.1")


def test_a_push_is_on_the_topic_with_its_key_and_cloudevents_headers(client: TestClient, topics: Any) -> None:
    body = {"title": "Gunfire at Osk", "text": "Shots were heard at the dam.", "url": "https://osk.example/1?utm_id=1"}
    response = client.post("/v1/articles", json=body)
    assert response.status_code == 202
    (receipt,) = response.json()["articles"]
    (record,) = topics.records("articles")
    (article,) = topics.articles()
    headers = dict(record.headers)
    assert article.article_id == receipt["article_id"]
    assert article.url == "https://osk.example/1"
    assert record.key.decode() == article.article_id
    assert headers["ce_id"].decode() == f"{article.article_id}:1"
    assert headers["ce_type"] == b"org.tocsin.article.v1"
    assert headers["ce_source"] == b"/tocsin/ingest"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["content-type"] == b"application/json"
    assert "ce_time" in headers
    assert client.get("/readyz").status_code == 200


def test_duplicates_are_dropped_and_an_edit_is_a_revision_for_every_worker(
    settings: IngestSettings, acceptor: Acceptor, publisher: KafkaPublisher, redis_client: RedisClient, topics: Any
) -> None:
    other = make_acceptor(settings, redis_client, publisher)
    acceptor.accept([raw("a"), raw("a"), raw("b")])
    other.accept([raw("a"), raw("a", "Edited: the shooting has stopped.")])
    acceptor.accept([raw("a", "Edited: the shooting has stopped.")])
    found = sorted((article.title, article.revision) for article in topics.articles())
    assert found == [("a", 1), ("a", 2), ("b", 1)]
    assert len({(article.article_id, article.story_id) for article in topics.articles()}) == 2


def test_copies_in_other_papers_share_the_story_that_redis_remembers(
    settings: IngestSettings, acceptor: Acceptor, publisher: KafkaPublisher, redis_client: RedisClient
) -> None:
    (one,) = acceptor.accept([raw("a", REPORT)])
    (copy,) = make_acceptor(settings, redis_client, publisher).accept([raw("b", f"OSK (Agency) - {REPORT}")])
    (other,) = acceptor.accept([raw("c", " ".join(reversed(REPORT.split())))])
    assert copy.story_id == one.story_id
    assert copy.article_id != one.article_id
    assert other.story_id != one.story_id


def test_everything_in_redis_expires(acceptor: Acceptor, redis_client: RedisClient, settings: IngestSettings) -> None:
    acceptor.accept([raw("a", REPORT), Refused("not-json", "no JSON", b"{", "file:x:1")])
    keys = list(redis_client.scan_iter(match=f"{settings.redis_prefix}*"))
    kinds = {key.decode().removeprefix(settings.redis_prefix).split(":")[0] for key in keys}
    assert kinds == {"seen", "story", "refused"}
    assert all(redis_client.pttl(key) > 0 for key in keys)


def test_a_crash_between_kafka_and_redis_sends_the_same_id_and_revision_again(
    acceptor: Acceptor, topics: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    acceptor.accept([raw("a")])

    def crash(_changes: Sequence[tuple[str, bytes, Memory]]) -> list[bool]:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(acceptor._memories, "remember", crash)
        with pytest.raises(SystemExit):
            acceptor.accept([raw("a", "Edited."), raw("b", REPORT)])
    outcomes = acceptor.accept([raw("a", "Edited."), raw("b", REPORT)])
    assert [outcome.status.value for outcome in outcomes] == ["revision", "accepted"]
    sent = [(article.title, article.article_id, article.revision, article.story_id) for article in topics.articles()]
    assert len(sent) == 5
    assert len(set(sent)) == 3, "what was sent twice is the same message"


def test_a_refused_item_is_one_dead_letter(acceptor: Acceptor, topics: Any) -> None:
    for _ in range(2):
        acceptor.accept([Refused("not-json", "no JSON", b"{broken\xff", "file:osk.jsonl:3"), raw("a")])
    (letter,) = topics.dead_letters()
    assert (letter.payload, letter.origin, letter.stage.value) == (b"{broken\xff", "file:osk.jsonl:3", "ingest")


def test_when_kafka_is_away_it_says_so_in_time_and_nothing_is_remembered(
    settings: IngestSettings, acceptor: Acceptor, redis_client: RedisClient, topics: Any
) -> None:
    lost = KafkaPublisher(unreachable(settings, kafka_bootstrap_servers="127.0.0.1:1"))
    with pytest.raises(KafkaAway, match=r"127\.0\.0\.1:1"):
        make_acceptor(settings, redis_client, lost).accept([raw("a")])
    with pytest.raises(KafkaAway):
        lost.check()
    assert [outcome.status.value for outcome in acceptor.accept([raw("a")])] == ["accepted"]
    assert len(topics.articles()) == 1


def test_a_missing_topic_is_kafka_away_and_never_created_by_accident(
    settings: IngestSettings, redis_client: RedisClient
) -> None:
    lost = KafkaPublisher(unreachable(settings, topic_prefix="nobody-made-these."))
    with pytest.raises(KafkaAway, match=r"nobody-made-these\.articles"):
        make_acceptor(settings, redis_client, lost).accept([raw("a")])
    lost.close()


def test_when_redis_is_away_nothing_is_sent(settings: IngestSettings, publisher: KafkaPublisher, topics: Any) -> None:
    away = connect_redis(settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")}))
    with pytest.raises(RedisAway):
        make_acceptor(settings, away, publisher).accept([raw("a")])
    assert topics.articles() == []


def test_many_workers_at_once_make_one_story_and_no_revision(
    settings: IngestSettings, publisher: KafkaPublisher, redis_client: RedisClient, topics: Any
) -> None:
    workers: list[Callable[[], object]] = [
        lambda n=n: make_acceptor(settings, redis_client, publisher).accept(  # type: ignore[misc]
            [raw("same"), raw(f"copy{n}", f"Paper {n}. {REPORT}")]
        )
        for n in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda work: work(), workers))
    articles = topics.articles()
    assert {article.revision for article in articles} == {1}
    assert len({article.story_id for article in articles if article.title.startswith("copy")}) == 1
    assert len({article.article_id for article in articles}) == 9
