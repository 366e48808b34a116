"""Fetching: conditional, bounded, and never led astray by redirects or robots.txt."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from tocsin_ingest.fetch_feed import Fetched, NotModified, Position, fetch_feed, parse_retry_after
from tocsin_ingest.fetch_url import FetchFailed
from tocsin_ingest.respect_robots import Robots
from tocsin_ingest.settings import FetchSettings

pytestmark = pytest.mark.unit

Handler = Callable[[httpx.Request], httpx.Response]
ADDRESSES = {"public.example": ["93.184.216.34"], "other.example": ["93.184.216.35"], "inside.example": ["10.0.0.7"]}


def fetch(
    handler: Handler, url: str = "https://public.example/feed", position: Position | None = None, **limits: float
) -> Fetched | NotModified:
    settings = FetchSettings.model_validate(limits)
    client = httpx.Client(transport=httpx.MockTransport(handler))
    resolver = lambda host: ADDRESSES.get(host, [host] if host[:1].isdigit() else [])  # noqa: E731
    return fetch_feed(client, url, position or Position(), settings, resolver=resolver)


def redirects(targets: dict[str, str]) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        target = targets.get(str(request.url))
        return httpx.Response(301, headers={"location": target}) if target else httpx.Response(200, content=b"feed")

    return handle


def test_the_body_and_the_validators_are_returned() -> None:
    headers = {"etag": '"v1"', "last-modified": "Mon, 04 May 2026 08:00:00 GMT", "content-type": "text/xml"}
    fetched = fetch(lambda _: httpx.Response(200, headers=headers, content=b"feed"))
    assert fetched == Fetched(b"feed", "text/xml", Position('"v1"', "Mon, 04 May 2026 08:00:00 GMT"))


def test_the_position_is_sent_and_304_means_not_modified() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        assert request.headers["if-none-match"] == '"v1"'
        assert request.headers["if-modified-since"] == "then"
        return httpx.Response(304)

    assert isinstance(fetch(handle, position=Position('"v1"', "then")), NotModified)


def test_validators_that_could_do_harm_are_not_kept() -> None:
    fetched = fetch(lambda _: httpx.Response(200, headers={"etag": "x" * 1_000}, content=b""))
    assert isinstance(fetched, Fetched)
    assert fetched.position == Position()


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure_that_names_it(status: int) -> None:
    with pytest.raises(FetchFailed):
        fetch(lambda _: httpx.Response(status))


def test_retry_after_is_passed_on() -> None:
    with pytest.raises(FetchFailed) as caught:
        fetch(lambda _: httpx.Response(429, headers={"retry-after": "120"}))
    assert caught.value.retry_after_s == 120


def test_a_body_over_the_limit_is_refused_while_it_is_read() -> None:
    read = []

    def endless() -> Iterator[bytes]:
        for _ in range(1_000):
            read.append(1)
            yield b"x" * 10_000

    with pytest.raises(FetchFailed, match="larger"):
        fetch(lambda _: httpx.Response(200, content=endless()), ingest_max_feed_bytes=50_000)
    assert len(read) < 20


def test_a_body_that_trickles_is_given_up() -> None:
    with pytest.raises(FetchFailed, match="too long"):
        fetch(lambda _: httpx.Response(200, content=b"x" * 200_000), ingest_fetch_timeout_s=1e-9)


def test_redirects_between_public_sites_are_followed() -> None:
    fetched = fetch(redirects({"https://public.example/feed": "https://other.example/feed"}))
    assert isinstance(fetched, Fetched)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://public.example/",
        "gopher://public.example/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://inside.example/",
    ],
)
def test_redirects_to_other_schemes_and_inwards_are_refused(target: str) -> None:
    with pytest.raises(FetchFailed):
        fetch(redirects({"https://public.example/feed": target}))


def test_a_feed_that_is_itself_inside_may_redirect_inside() -> None:
    handler = redirects({"http://127.0.0.1:8000/feed": "http://127.0.0.2:8000/feed"})
    assert isinstance(fetch(handler, "http://127.0.0.1:8000/feed"), Fetched)


def test_a_redirect_loop_ends() -> None:
    with pytest.raises(FetchFailed, match="redirects"):
        fetch(redirects({"https://public.example/feed": "https://public.example/feed"}))


def test_a_connection_error_is_a_failure() -> None:
    def handle(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(FetchFailed, match="refused"):
        fetch(handle)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("999999999", 86_400.0),
        ("Mon, 04 May 2026 12:01:00 GMT", 60.0),
        ("Mon, 04 May 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, datetime(2026, 5, 4, 12, 0, tzinfo=UTC)) == seconds


def robots(status: int, text: str = "", clock: Callable[[], float] = lambda: 0.0) -> tuple[Robots, list[str]]:
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, text=text)

    return Robots(httpx.Client(transport=httpx.MockTransport(handle)), "Tocsin/0.1", clock), asked


def test_robots_are_asked_once_a_day_per_site() -> None:
    now = [0.0]
    site, asked = robots(200, "User-agent: *\nCrawl-delay: 7\nDisallow: /private", lambda: now[0])
    assert site.delay_s("https://public.example/feed") == 7.0
    with pytest.raises(FetchFailed, match=r"robots\.txt forbids"):
        site.delay_s("https://public.example/private/feed")
    assert asked == ["https://public.example/robots.txt"]
    now[0] = 90_000.0
    site.delay_s("https://public.example/feed")
    assert len(asked) == 2


def test_no_robots_file_allows_and_an_unreachable_one_forbids() -> None:
    assert robots(404)[0].delay_s("https://public.example/feed") == 0.0
    with pytest.raises(FetchFailed):
        robots(500)[0].delay_s("https://public.example/feed")
