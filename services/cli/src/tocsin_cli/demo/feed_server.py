"""A web server on a loopback port that publishes the scenario: a feed per outlet, a page per article."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

from tocsin_cli.demo.feed_documents import CONTENT_TYPES, article_page, article_path, feed_document, feed_path
from tocsin_cli.demo.scenario import Outlet, Scenario
from tocsin_cli.demo.timeline import Timeline

LOOPBACK: Final = "127.0.0.1"
_IDLE_S: Final = 30
"""A kept connection on which nothing comes is closed after this, so that a forgotten client holds no thread."""
_HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Page:
    """What is answered: the document, its type and when it last changed (None: it never does)."""

    body: bytes
    content_type: str
    changed_at: datetime | None = None

    @property
    def etag(self) -> str:
        """A strong validator: the same for the same bytes."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:24]}"'


class FeedServer:
    """Serves a timeline over HTTP from its own threads, on a port that the operating system chooses."""

    def __init__(self, scenario: Scenario, timeline: Timeline, clock: Callable[[], datetime] | None = None) -> None:
        self._scenario = scenario
        self._timeline = timeline
        self._clock = clock or _now
        self._feeds = {feed_path(outlet): outlet for outlet in scenario.outlets}
        self._fronts = {f"/{outlet.key}/": outlet for outlet in scenario.outlets}
        outlets = {outlet.key: outlet for outlet in scenario.outlets}
        self._articles = {article_path(article): outlets[article.outlet] for article in scenario.articles}
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _handler_for(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="demo-feeds", daemon=True)

    @property
    def base_url(self) -> str:
        """The address without a slash at its end."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}"

    def feed_url(self, outlet: Outlet) -> str:
        """Return the address of the outlet's feed."""
        return f"{self.base_url}{feed_path(outlet)}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def page(self, path: str) -> Page | None:
        """Return what is at `path` now, None where nothing is."""
        if path == "/robots.txt":
            return Page(b"User-agent: *\nAllow: /\n", "text/plain; charset=utf-8")
        if path == "/":
            return Page(self._index(), _HTML)
        now = self._clock()
        if outlet := self._feeds.get(path) or self._fronts.get(path):
            published = self._timeline.visible(outlet.key, now)
            changed_at = max((item.updated_at for item in published), default=None)
            body = feed_document(outlet, published, self.base_url)
            self._timeline.mark_fetched(published)
            return Page(body, CONTENT_TYPES[outlet.format], changed_at)
        if outlet := self._articles.get(path):
            for item in self._timeline.visible(outlet.key, now):
                if article_path(item.article) == path and item.article.raw is None:
                    return Page(article_page(outlet, item), _HTML, item.updated_at)
        return None

    def _index(self) -> bytes:
        entries = "".join(
            f'<li><a href="{feed_path(outlet)}">{outlet.name}</a> ({outlet.format.value}, {outlet.language})</li>\n'
            for outlet in self._scenario.outlets
        )
        page = '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Tocsin demo</title></head>\n<body>'
        return f"{page}<p>Invented outlets of the Tocsin demo:</p>\n<ul>\n{entries}</ul></body></html>\n".encode()


def is_unchanged(page: Page, none_match: str | None, modified_since: str | None) -> bool:
    """Return whether the client that sent these headers has the page already (RFC 9110, 13.2.2).

    An ETag takes precedence: two changes within one second have the same Last-Modified.
    """
    if none_match is not None:
        known = {tag.strip().removeprefix("W/") for tag in none_match.split(",")}
        return page.etag in known or "*" in known
    if modified_since is None or page.changed_at is None:
        return False
    try:
        moment = parsedate_to_datetime(modified_since)
    except ValueError:
        return False
    return moment.tzinfo is not None and page.changed_at.replace(microsecond=0) <= moment


def _now() -> datetime:
    return datetime.now(UTC)


def _handler_for(server: FeedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "tocsin-demo"
        sys_version = ""
        timeout = _IDLE_S

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing: the demo's terminal belongs to its alerts."""

        def _answer(self, *, with_body: bool) -> None:
            page = server.page(self.path.split("?", 1)[0])
            if page is None:
                self._send(HTTPStatus.NOT_FOUND, Page(b"nothing here (yet)\n", "text/plain; charset=utf-8"), with_body)
            elif is_unchanged(page, self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")):
                self._send(HTTPStatus.NOT_MODIFIED, page, False)
            else:
                self._send(HTTPStatus.OK, page, with_body)

        def _send(self, status: HTTPStatus, page: Page, with_body: bool) -> None:
            self.send_response(status)
            if status is not HTTPStatus.NOT_FOUND:
                self.send_header("ETag", page.etag)
                if page.changed_at is not None:
                    self.send_header("Last-Modified", format_datetime(page.changed_at.astimezone(UTC), usegmt=True))
            if status is not HTTPStatus.NOT_MODIFIED:
                self.send_header("Content-Type", page.content_type)
                self.send_header("Content-Length", str(len(page.body)))
            self.send_header("Cache-Control", "no-cache")
            self.end_headers()
            if with_body:
                self.wfile.write(page.body)

    return Handler
