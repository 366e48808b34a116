"""Reads RSS, Atom and JSON Feed bytes into articles. Nothing in a feed can stop the others: each entry stands alone."""

import io
import json
import warnings
from calendar import timegm
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import feedparser
import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin_contracts.codec import describe_errors
from tocsin_ingest.canonical_url import BadUrl, canonical_url, host_of
from tocsin_ingest.check_xml import HostileXml, check_xml
from tocsin_ingest.raw_article import RawArticle, Refused

MAX_PAYLOAD_CHARS: Final = 200_000
MAX_FIELD_CHARS: Final = 1_000_000

_JSON_FEED_VERSION: Final = "jsonfeed.org/version/"


class FeedUnreadable(ValueError):
    """The bytes are no feed at all (an error page, another format, a broken download)."""


@dataclass(frozen=True, slots=True)
class FeedIdentity:
    """What the articles of a feed are labelled with. `source_name` None takes the feed's title."""

    origin: str
    name: str | None = None
    source_name: str | None = None
    source_domain: str | None = None
    language: str | None = None


class JsonFeedItem(BaseModel):
    """One item of a JSON Feed (1.0 or 1.1): the fields that are read; `id` may be a number in the wild."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: str | None = Field(default=None, max_length=4_096)
    url: str | None = Field(default=None, max_length=8_192)
    external_url: str | None = Field(default=None, max_length=8_192)
    title: str = Field(default="", max_length=MAX_FIELD_CHARS)
    content_html: str = Field(default="", max_length=MAX_FIELD_CHARS)
    content_text: str = Field(default="", max_length=MAX_FIELD_CHARS)
    summary: str = Field(default="", max_length=MAX_FIELD_CHARS)
    date_published: datetime | None = None
    language: str | None = Field(default=None, max_length=100)


class JsonFeed(BaseModel):
    """The head of a JSON Feed. The items are validated one by one, so that a bad one leaves the others alone."""

    model_config = ConfigDict(extra="ignore")

    version: str = Field(pattern=r"^https?://(www\.)?jsonfeed\.org/version/")
    title: str = Field(default="", max_length=10_000)
    language: str | None = Field(default=None, max_length=100)
    items: list[Any]


def parse_feed(
    body: bytes, identity: FeedIdentity, *, content_type: str = "", max_items: int = 100_000
) -> list[RawArticle | Refused]:
    """Return the entries of a feed, in its order, at most `max_items` of them. Raises FeedUnreadable."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _parse_json_feed(body, identity, max_items)
    return _parse_xml_feed(body, identity, content_type, max_items)


def is_json_feed(start: bytes) -> bool:
    """Return whether the first bytes of a JSON object look like those of a JSON Feed."""
    return _JSON_FEED_VERSION.encode() in start or _JSON_FEED_VERSION.replace("/", "\\/").encode() in start


def _parse_json_feed(body: bytes, identity: FeedIdentity, max_items: int) -> list[RawArticle | Refused]:
    try:
        feed = JsonFeed.model_validate(pydantic_core.from_json(body.lstrip(b"\xef\xbb\xbf"), allow_inf_nan=False))
    except ValidationError as error:
        raise FeedUnreadable(f"no JSON Feed: {describe_errors(error)}") from error
    except ValueError as error:
        raise FeedUnreadable(f"no JSON: {error}") from error
    return [_json_item(item, feed, identity) for item in feed.items[:max_items]]


def _json_item(value: Any, feed: JsonFeed, identity: FeedIdentity) -> RawArticle | Refused:
    payload = _payload(value)
    try:
        item = JsonFeedItem.model_validate(value)
    except ValidationError as error:
        return Refused("invalid-item", describe_errors(error), payload, identity.origin)
    url = item.url or item.external_url
    return RawArticle(
        title=item.title,
        text=item.content_text or item.content_html or item.summary,
        html=False if item.content_text else None,
        source_name=identity.source_name or feed.title,
        source_domain=identity.source_domain or _domain_of(url),
        url=url,
        guid=item.id,
        published_at=item.date_published,
        # What publishers put here is often their site's default; the text itself is asked first.
        language=identity.language,
        feed=identity.name,
        origin=identity.origin,
        payload=payload,
    )


def _parse_xml_feed(
    body: bytes, identity: FeedIdentity, content_type: str, max_items: int
) -> list[RawArticle | Refused]:
    try:
        check_xml(body)
    except HostileXml as error:
        raise FeedUnreadable(str(error)) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = feedparser.parse(
                io.BytesIO(body),
                response_headers={"content-type": content_type} if content_type else {},
                sanitize_html=False,
                resolve_relative_uris=False,
            )
        except (LookupError, ValueError) as error:
            # Such as an encoding whose name holds a null character: feedparser lets the decoder's error through.
            raise FeedUnreadable(f"cannot be decoded ({error})"[:300]) from error
    if not parsed.entries and not parsed.get("version"):
        reason = parsed.get("bozo_exception")
        raise FeedUnreadable(f"neither RSS, Atom nor JSON Feed{f' ({reason})' if reason else ''}"[:300])
    title = str(parsed.feed.get("title", ""))
    return [_xml_entry(entry, title, identity) for entry in parsed.entries[:max_items]]


def _xml_entry(entry: dict[str, Any], feed_title: str, identity: FeedIdentity) -> RawArticle | Refused:
    link = _text(entry.get("link"))
    guid = _text(entry.get("id"))
    text, is_html = _entry_text(entry)
    title = _text(entry.get("title"))
    payload = _payload({"title": title, "text": text, "link": link, "id": guid, "published": entry.get("published")})
    return RawArticle(
        title=title,
        text=text,
        html=is_html,
        source_name=identity.source_name or feed_title,
        source_domain=identity.source_domain or _domain_of(link),
        url=link or None,
        guid=guid or None,
        published_at=_entry_date(entry),
        language=identity.language,
        feed=identity.name,
        origin=identity.origin,
        payload=payload,
    )


def _entry_text(entry: Mapping[str, Any]) -> tuple[str, bool | None]:
    """Return the longest text the entry offers, and whether it is HTML (None: look)."""
    best, best_type = "", ""
    for part in _parts(entry):
        value = _text(part.get("value"))
        if len(value) > len(best):
            best, best_type = value, str(part.get("type", ""))
    return best, True if "html" in best_type else None


def _parts(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    contents = entry.get("content")
    if isinstance(contents, Iterable):
        for content in contents:
            if isinstance(content, Mapping):
                yield content
    detail = entry.get("summary_detail")
    if isinstance(detail, Mapping):
        yield detail


def _entry_date(entry: dict[str, Any]) -> datetime | None:
    for name in ("published_parsed", "updated_parsed"):
        # An Atom `updated` without `published` still says when the text was current.
        moment = dict.get(entry, name)  # the parser's own `get` answers `updated` with `published`
        if moment:
            try:
                return datetime.fromtimestamp(timegm(moment), UTC)
            except (ValueError, OverflowError, OSError, TypeError):
                continue
    return None


def _text(value: Any) -> str:
    return value[:MAX_FIELD_CHARS] if isinstance(value, str) else ""


def _payload(value: Any) -> bytes:
    """Return the entry as stable JSON: feeds are parsed as a whole, an entry's own bytes are not to be had."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text[:MAX_PAYLOAD_CHARS].encode("utf-8", "replace")


def _domain_of(url: str | None) -> str | None:
    if not url:
        return None
    try:
        return host_of(canonical_url(url))
    except BadUrl:
        return None
