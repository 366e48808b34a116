"""The API's status codes, and what its errors name. The server is the real application, Kafka and Redis are fakes."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from tocsin_ingest.accept import Acceptor
from tocsin_ingest.away import KafkaAway
from tocsin_ingest.http_api import Health, make_app

pytestmark = pytest.mark.unit

TOKEN = "0123456789abcdef"
GOOD = {"title": "Gunfire at the Osk dam", "url": "https://valleycourier.example/osk"}
NDJSON = {"content-type": "application/x-ndjson"}


class Parts:
    """What the health endpoints report on."""

    def __init__(self) -> None:
        self.alive = True
        self.away = False

    def ready(self) -> None:
        if self.away:
            raise KafkaAway("Kafka does not answer")


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def make_client(acceptor: Acceptor, parts: Parts) -> Callable[..., TestClient]:
    def make(token: str | None = None, base_url: str = "http://127.0.0.1:8080") -> TestClient:
        app = make_app(
            acceptor,
            Health(lambda: parts.alive, parts.ready, lambda: {"feeds": 2}),
            token=SecretStr(token) if token else None,
            max_body_bytes=10_000,
            max_items=5,
        )
        return TestClient(app, base_url=base_url)

    return make


@pytest.fixture
def client(make_client: Callable[..., TestClient]) -> TestClient:
    return make_client()


def test_an_object_is_answered_with_its_ids_after_the_acknowledgement(client: TestClient, publisher: Any) -> None:
    response = client.post("/v1/articles", json=GOOD)
    assert response.status_code == 202
    (article,) = response.json()["articles"]
    assert article["status"] == "accepted"
    assert article["article_id"] == publisher.articles[0].article_id
    assert article["story_id"] == publisher.articles[0].story_id


def test_an_array_and_ndjson_are_taken_in_order(client: TestClient) -> None:
    other = {"title": "Second", "source": {"name": "Osk Gazette", "domain": "oskgazette.example"}}
    response = client.post("/v1/articles", json=[GOOD, other, GOOD])
    assert [article["status"] for article in response.json()["articles"]] == ["accepted", "accepted", "duplicate"]
    lines = f"{json.dumps({**GOOD, 'text': 'Edited.'})}\r\n\n{json.dumps(other)}\n"
    response = client.post("/v1/articles", content=lines, headers=NDJSON)
    assert response.status_code == 202
    assert (response.json()["revisions"], response.json()["duplicates"]) == (1, 1)


@pytest.mark.parametrize(
    ("body", "item", "field"),
    [
        ({}, 0, "title, text"),
        ({"title": "x"}, 0, "source"),
        ({**GOOD, "url": "javascript:alert(1)"}, 0, "url"),
        ({**GOOD, "published_at": "yesterday"}, 0, "published_at"),
        ({**GOOD, "colour": "red"}, 0, "colour"),
        ({**GOOD, "source": {"name": ""}}, 0, "source.name"),
        ({**GOOD, "source": {"name": "A", "domain": "not a domain"}}, 0, "source.domain"),
        ({**GOOD, "language": "english!"}, 0, "language"),
        ({**GOOD, "title": 5}, 0, "title"),
        ({**GOOD, "title": "<p> </p>"}, 0, "text"),
        ([GOOD, GOOD, "text"], 2, ""),
        ([GOOD, {**GOOD, "guid": ""}], 1, "guid"),
        ([], 0, ""),
        ("text", 0, ""),
    ],
)
def test_an_article_that_does_not_fit_is_422_with_item_and_field(
    client: TestClient, publisher: Any, body: object, item: int, field: str
) -> None:
    response = client.post("/v1/articles", json=body)
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert (error["item"], error["field"]) == (item, field)
    assert error["message"]
    assert publisher.articles == [], "all of a request is taken, or nothing"


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"title": NaN}', b"\xff\xfe", b"[" * 5_000, b'{"title": "\\ud800"}', b"{} {}"]
)
def test_what_is_no_json_is_400(client: TestClient, body: bytes) -> None:
    response = client.post("/v1/articles", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"] == "not-json"


def test_a_broken_ndjson_line_is_named(client: TestClient) -> None:
    response = client.post("/v1/articles", content=f"{json.dumps(GOOD)}\n{{broken\n", headers=NDJSON)
    assert response.status_code == 400
    assert response.json()["errors"][0]["item"] == 1


def test_too_large_a_body_and_too_many_articles_are_413(client: TestClient) -> None:
    assert client.post("/v1/articles", json={**GOOD, "text": "x" * 10_000}).status_code == 413
    chunks = (b"x" * 1_000 for _ in range(100))
    streamed = client.post("/v1/articles", content=chunks, headers={"content-type": "application/json"})
    assert streamed.status_code == 413
    assert client.post("/v1/articles", json=[GOOD] * 6).status_code == 413
    assert client.post("/v1/articles", content=b"{}\n" * 6, headers=NDJSON).status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=iso-8859-1"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_other_types_and_encodings_are_415(client: TestClient, headers: dict[str, str]) -> None:
    response = client.post("/v1/articles", content=gzip.compress(json.dumps(GOOD).encode()), headers=headers)
    assert response.status_code == 415


def test_a_charset_of_utf_8_is_no_obstacle(client: TestClient) -> None:
    headers = {"content-type": 'Application/JSON; charset="UTF-8"'}
    assert client.post("/v1/articles", content=json.dumps(GOOD), headers=headers).status_code == 202


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN}x", "Bearer é"])
def test_without_the_right_token_it_is_401(make_client: Callable[..., TestClient], header: str | None) -> None:
    client = make_client(TOKEN)
    headers = {"authorization": header.encode()} if header else {}
    response = client.post("/v1/articles", content=b"not even read", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


def test_with_the_token_any_host_is_answered(make_client: Callable[..., TestClient]) -> None:
    client = make_client(TOKEN, "http://ingest.example")
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert client.post("/v1/articles", json=GOOD, headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("base_url", "status"),
    [("http://evil.example", 403), ("http://localhost:1", 202), ("http://[::1]:8080", 202), ("http://127.0.0.1", 202)],
)
def test_without_a_token_only_loopback_names_are_answered(
    make_client: Callable[..., TestClient], base_url: str, status: int
) -> None:
    assert make_client(None, base_url).post("/v1/articles", json=GOOD).status_code == status


def test_kafka_away_is_503_with_retry_after_and_the_push_can_be_repeated(client: TestClient, publisher: Any) -> None:
    publisher.away = True
    response = client.post("/v1/articles", json=GOOD)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    publisher.away = False
    assert client.post("/v1/articles", json=GOOD).json()["accepted"] == 1


def test_health_tells_alive_from_ready(client: TestClient, parts: Parts) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").json() == {"status": "ready", "feeds": 2}
    parts.away = True
    assert client.get("/livez").status_code == 200
    response = client.get("/readyz")
    assert (response.status_code, response.json()["reason"]) == (503, "Kafka does not answer")
    parts.alive = False
    assert client.get("/livez").status_code == 503


def test_the_openapi_document_describes_body_answers_and_token(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    push = document["paths"]["/v1/articles"]["post"]
    assert set(push["requestBody"]["content"]) == {"application/json", "application/x-ndjson"}
    assert {"202", "400", "401", "413", "415", "422", "503"} <= set(push["responses"])
    assert push["security"]
    schemas = document["components"]["schemas"]
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {reference.split('"', 1)[0] for reference in references} <= set(schemas)
    assert "published_at" in schemas["PushedArticle"]["properties"]


def test_no_article_text_reaches_the_logs(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    client.post("/v1/articles", json={**GOOD, "text": "a very secret text"})
    client.post("/v1/articles", json={**GOOD, "text": ["a very secret text"]})
    assert "secret" not in caplog.text
