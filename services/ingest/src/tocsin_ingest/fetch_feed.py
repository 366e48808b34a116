"""Fetches a feed over HTTP, and only if it has changed since its position."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from tocsin_ingest.fetch_url import FetchFailed, Resolver, fetch_url, resolve
from tocsin_ingest.settings import FetchSettings

MAX_VALIDATOR_CHARS: Final = 500
"""A longer ETag is not sent back; no server in use makes one."""
MAX_RETRY_AFTER_S: Final = 24 * 3600.0
ACCEPT: Final = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a feed was left: the validators of the last version whose articles are on Kafka."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed's bytes, and the position they stand for."""

    body: bytes
    content_type: str
    position: Position


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server says that nothing has changed since the position."""


def fetch_feed(
    client: httpx.Client, url: str, position: Position, settings: FetchSettings, *, resolver: Resolver = resolve
) -> Fetched | NotModified:
    """Return the feed at `url`, or NotModified when it still is as `position` says. Raises FetchFailed."""
    headers = {"Accept": ACCEPT}
    if position.etag:
        headers["If-None-Match"] = position.etag
    if position.last_modified:
        headers["If-Modified-Since"] = position.last_modified
    answer = fetch_url(
        client,
        url,
        headers=headers,
        max_bytes=settings.ingest_max_feed_bytes,
        timeout_s=settings.ingest_fetch_timeout_s,
        resolver=resolver,
    )
    if answer.status == httpx.codes.NOT_MODIFIED:
        return NotModified()
    if answer.status != httpx.codes.OK:
        retry_after_s = parse_retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
        raise FetchFailed(f"{answer.url} answered {answer.status}", retry_after_s=retry_after_s)
    return Fetched(
        body=answer.body,
        content_type=answer.headers.get("content-type", "")[:200],
        position=Position(
            etag=_validator(answer.headers.get("etag")),
            last_modified=_validator(answer.headers.get("last-modified")),
        ),
    )


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for (a number or a date), at most a day; None when it says none."""
    if not value:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)


def _validator(value: str | None) -> str | None:
    return value if value and len(value) <= MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable() else None
