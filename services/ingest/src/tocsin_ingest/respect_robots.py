"""Asks a site's robots.txt whether a feed may be fetched, and keeps the answer for a day."""

import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx
from protego import Protego

from tocsin_ingest.fetch_url import FetchFailed, fetch_url

MAX_ROBOTS_BYTES: Final = 512 * 1024
"""RFC 9309 asks readers to take at least 500 KiB."""
KEEP_S: Final = 24 * 3600.0
FETCH_TIMEOUT_S: Final = 15.0
MAX_SITES: Final = 10_000


class Robots:
    """The robots.txt files of the sites that were asked. Safe to use from several threads."""

    def __init__(self, client: httpx.Client, user_agent: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._user_agent = user_agent
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: dict[str, tuple[float, Protego | None]] = {}

    def delay_s(self, url: str) -> float:
        """Return how many seconds the site of `url` wants between requests.

        No file (any 4xx) allows everything. Raises FetchFailed when the file forbids `url`, and when the site does not
        answer or answers 5xx: RFC 9309 then forbids fetching until it does.
        """
        site = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        with self._lock:
            known = self._rules.get(site)
        if known is None or known[0] < self._clock():
            rules = self._fetch(urljoin(site, "/robots.txt"))
            with self._lock:
                if len(self._rules) >= MAX_SITES:
                    self._rules.clear()
                self._rules[site] = (self._clock() + KEEP_S, rules)
        else:
            rules = known[1]
        if rules is None:
            return 0.0
        if not rules.can_fetch(url, self._user_agent):
            raise FetchFailed("its robots.txt forbids it; `robots: false` overrides, with the publisher's consent")
        return rules.crawl_delay(self._user_agent) or 0.0

    def _fetch(self, url: str) -> Protego | None:
        answer = fetch_url(self._client, url, headers={}, max_bytes=MAX_ROBOTS_BYTES, timeout_s=FETCH_TIMEOUT_S)
        if 400 <= answer.status < 500:
            return None
        if answer.status != httpx.codes.OK:
            raise FetchFailed(f"{url} answered {answer.status}")
        return Protego.parse(answer.body.decode("utf-8", "replace"))
