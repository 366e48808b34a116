"""The demo's outlets publish well-formed feeds, politely."""

import http.client
import json
import threading
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import feedparser
import pytest

from tocsin_cli.demo.feed_documents import article_path, feed_document, feed_path
from tocsin_cli.demo.feed_server import FeedServer
from tocsin_cli.demo.scenario import FeedFormat, Note, Outlet, Scenario, load_scenario
from tocsin_cli.demo.timeline import Published, Timeline
from tocsin_ingest.normalise_article import CleanArticle, normalise_article
from tocsin_ingest.parse_feed import FeedIdentity, parse_feed
from tocsin_ingest.raw_article import RawArticle

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 24, 18, 0, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:4711"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timeline(scenario: Scenario) -> Timeline:
    timeline = Timeline(scenario)
    timeline.start(START)
    return timeline


@pytest.fixture
def server(scenario: Scenario, timeline: Timeline, clock: Clock) -> Iterator[FeedServer]:
    with FeedServer(scenario, timeline, clock) as server:
        yield server


def get(server: FeedServer, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=5)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def everything(scenario: Scenario, outlet: Outlet) -> list[Published]:
    """The outlet at the end, whatever was edited in its last wording."""
    timeline = Timeline(scenario)
    timeline.start(START)
    late = START + timedelta(hours=1)
    timeline.mark_fetched(timeline.visible(outlet.key, late))
    return timeline.visible(outlet.key, late)


def outlets(scenario: Scenario, kind: FeedFormat) -> list[Outlet]:
    return [outlet for outlet in scenario.outlets if outlet.format is kind]


def test_every_format_is_published(scenario: Scenario) -> None:
    assert all(outlets(scenario, kind) for kind in FeedFormat)


@pytest.mark.parametrize(("kind", "version"), [(FeedFormat.RSS, "rss20"), (FeedFormat.ATOM, "atom10")])
def test_xml_feeds_are_well_formed_and_carry_whole_articles(scenario: Scenario, kind: FeedFormat, version: str) -> None:
    for outlet in outlets(scenario, kind):
        published = everything(scenario, outlet)
        parsed = feedparser.parse(feed_document(outlet, published, BASE), sanitize_html=False)
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert parsed.version == version
        assert parsed.feed.title == outlet.name
        assert parsed.feed.language == outlet.language
        assert len(parsed.entries) == len(published)
        for entry, item in zip(parsed.entries, published, strict=True):
            if item.article.note is Note.MALFORMED:
                continue
            assert entry.title == item.article.title
            assert entry.link == f"{BASE}{article_path(item.article)}"
            assert datetime.fromtimestamp(timegm(entry.published_parsed), UTC) == item.published_at
            assert entry.content[0].value.count("<p>") == item.article.text.count("\n\n") + 1


def test_json_feeds_carry_whole_articles(scenario: Scenario) -> None:
    for outlet in outlets(scenario, FeedFormat.JSON_FEED):
        published = everything(scenario, outlet)
        document = json.loads(feed_document(outlet, published, BASE))
        assert document["version"] == "https://jsonfeed.org/version/1.1"
        assert document["feed_url"] == f"{BASE}{feed_path(outlet)}"
        assert [item["content_text"] for item in document["items"]] == [item.article.text for item in published]
        assert [datetime.fromisoformat(item["date_published"]) for item in document["items"]] == [
            item.published_at for item in published
        ]


def test_ingest_reads_every_article_as_it_was_written(scenario: Scenario) -> None:
    for outlet in scenario.outlets:
        published = everything(scenario, outlet)
        items = parse_feed(feed_document(outlet, published, BASE), FeedIdentity(origin="feed:demo"))
        assert len(items) == len(published)
        for raw, item in zip(items, published, strict=True):
            if item.article.note is Note.MALFORMED:
                assert isinstance(raw, RawArticle)
                assert (raw.title, raw.text) == ("", "")
                assert raw.published_at is None
                continue
            assert isinstance(raw, RawArticle)
            clean = normalise_article(raw, START + timedelta(hours=1))
            assert isinstance(clean, CleanArticle)
            assert clean.title == item.article.title
            assert clean.text == item.article.text
            assert clean.url == f"{BASE}{article_path(item.article)}"
            assert clean.published_at == item.published_at


def test_an_empty_feed_is_a_feed_too(scenario: Scenario) -> None:
    for outlet in scenario.outlets:
        assert parse_feed(feed_document(outlet, [], BASE), FeedIdentity(origin="feed:demo")) == []


def test_an_unchanged_feed_is_answered_with_304_and_a_changed_one_anew(
    scenario: Scenario, server: FeedServer, clock: Clock
) -> None:
    first = scenario.articles[0]
    outlet = next(outlet for outlet in scenario.outlets if outlet.key == first.outlet)
    clock.now = START + timedelta(seconds=first.at_s)
    status, headers, body = get(server, feed_path(outlet))
    assert (status, headers["Content-Length"]) == (200, str(len(body)))
    assert first.title.encode() in body

    etag, modified = headers["ETag"], headers["Last-Modified"]
    assert get(server, feed_path(outlet), If_None_Match=etag)[0] == 304
    assert get(server, feed_path(outlet), If_None_Match=f'"other", W/{etag}')[0] == 304
    assert get(server, feed_path(outlet), If_Modified_Since=modified)[0] == 304
    assert get(server, feed_path(outlet), If_Modified_Since="Foosday, 99 Brumaire")[0] == 200

    clock.now = START + timedelta(minutes=10)
    assert get(server, feed_path(outlet), If_None_Match=etag, If_Modified_Since=modified)[0] == 200
    # The ETag decides: within one second Last-Modified cannot tell two versions apart.
    future = "Fri, 01 Jan 2100 00:00:00 GMT"
    assert get(server, feed_path(outlet), If_None_Match=etag, If_Modified_Since=future)[0] == 200


def test_an_articles_page_is_there_once_it_has_appeared(scenario: Scenario, server: FeedServer, clock: Clock) -> None:
    article = next(article for article in scenario.articles if article.language == "ar")
    assert get(server, article_path(article))[0] == 404
    clock.now = START + timedelta(seconds=article.at_s)
    status, _, body = get(server, article_path(article))
    assert status == 200
    assert article.title in body.decode()
    assert 'dir="rtl"' in body.decode()


def test_the_malformed_item_has_no_page_and_unknown_paths_no_answer(
    scenario: Scenario, server: FeedServer, clock: Clock
) -> None:
    clock.now = START + timedelta(hours=1)
    malformed = next(article for article in scenario.articles if article.note is Note.MALFORMED)
    for path in (article_path(malformed), "/../../etc/passwd", "/nobody/feed.xml"):
        assert get(server, path)[0] == 404
    assert get(server, "/robots.txt")[2].startswith(b"User-agent: *")
    assert all(feed_path(outlet).encode() in get(server, "/")[2] for outlet in scenario.outlets)


def test_the_server_is_reachable_from_this_machine_only_and_leaves_no_thread(scenario: Scenario) -> None:
    with FeedServer(scenario, Timeline(scenario)) as server:
        assert urlsplit(server.base_url).hostname == "127.0.0.1"
        assert any(thread.name == "demo-feeds" for thread in threading.enumerate())
    assert not any(thread.name == "demo-feeds" for thread in threading.enumerate())
