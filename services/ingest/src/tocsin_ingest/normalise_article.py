"""Makes an article's fields clean and bounded: plain text, tidy white space, no control characters, a sane date."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tocsin_contracts.fields import MAX_TEXT_CHARS, MAX_TITLE_CHARS, Source
from tocsin_ingest.canonical_url import BadUrl, canonical_url, host_of
from tocsin_ingest.html_to_text import html_to_text, looks_like_html
from tocsin_ingest.raw_article import RawArticle, Refused

MAX_MARKUP_CHARS: Final = 8 * MAX_TEXT_CHARS
"""Markup beyond this is not read: even heavy markup around the longest text that is kept fits."""
MAX_FEED_CHARS: Final = 200
FUTURE_TOLERANCE: Final = timedelta(hours=1)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)

# Controls, and the characters that turn text around on a screen: what is read must be what is shown.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_SPACES: Final = re.compile(r"[^\S\n]+")
_LINE_ENDS: Final = re.compile("\r\n|\r|\x85|\u2028|\u2029")
_BLANK_LINES: Final = re.compile(r" ?\n ?(?:\n ?)+")
_DOMAIN: Final = re.compile(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
_LANGUAGE: Final = re.compile(r"^([A-Za-z]{2,3})(?:[-_][A-Za-z0-9_-]{0,40})?$")


@dataclass(frozen=True, slots=True)
class CleanArticle:
    """An article whose fields fit ArticleV1. `url` is canonical; `language` is what the sender claimed, or None."""

    title: str
    text: str
    source: Source
    url: str | None
    guid: str | None
    published_at: datetime | None
    language: str | None
    feed: str | None
    origin: str


def normalise_article(raw: RawArticle, now: datetime) -> CleanArticle | Refused:
    """Return `raw` cleaned and cut to the contract's bounds, or Refused when nothing readable is left.

    A title is cut after `MAX_TITLE_CHARS`, a text after `MAX_TEXT_CHARS` characters, at a word's end if there is one.
    An address that is not http(s) is dropped, since title and text still are news. A date more than an hour after
    `now`, before 1900 or at the epoch is dropped: whoever sent it did not know it.
    """
    title = clean_line(_plain(raw.title, raw.html), MAX_TITLE_CHARS)
    text = clean_text(_plain(raw.text, raw.html), MAX_TEXT_CHARS)
    if not title and not text:
        return Refused("empty-article", "title, text: both are empty", raw.payload, raw.origin)
    url = None
    if raw.url:
        try:
            url = canonical_url(raw.url)
        except BadUrl:
            url = None
    domain = clean_domain(raw.source_domain)
    name = clean_line(raw.source_name, 200) or domain or (host_of(url) if url else "") or "unknown"
    return CleanArticle(
        title=title,
        text=text,
        source=Source(name=name, domain=domain or (clean_domain(host_of(url)) if url else None)),
        url=url,
        guid=(raw.guid or "").strip() or None,
        published_at=sane_date(raw.published_at, now),
        language=clean_language(raw.language),
        feed=clean_line(raw.feed, MAX_FEED_CHARS) if raw.feed else None,
        origin=raw.origin,
    )


def clean_text(text: str, limit: int) -> str:
    """Return `text` in NFC, without control characters, paragraphs kept, other white space folded, cut to `limit`."""
    text = _FORBIDDEN.sub("", _LINE_ENDS.sub("\n", text))
    text = _SPACES.sub(" ", unicodedata.normalize("NFC", text))
    text = _BLANK_LINES.sub("\n\n", text).replace(" \n", "\n").replace("\n ", "\n")
    return cut(text.strip(), limit)


def clean_line(text: str, limit: int) -> str:
    """Return `text` as `clean_text` does, on one line."""
    return cut(" ".join(clean_text(text, 4 * limit).split()), limit)


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, ending with a word when one ends in the last fifth."""
    if len(text) <= limit:
        return text
    end = text.rfind(" ", limit - limit // 5, limit + 1)
    return text[: end if end > 0 else limit].rstrip()


def sane_date(moment: datetime | None, now: datetime) -> datetime | None:
    """Return `moment` in UTC, a naive one read as UTC; None when it cannot be an article's date."""
    if moment is None:
        return None
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    if moment > now + FUTURE_TOLERANCE or moment < EARLIEST or moment.timestamp() == 0:
        return None
    return moment


def clean_domain(domain: str | None) -> str | None:
    """Return `domain` in lower case without a leading `www.`, or None when it is none."""
    if not domain:
        return None
    domain = domain.strip().lower().rstrip(".").removeprefix("www.")
    return domain if len(domain) <= 253 and _DOMAIN.match(domain) else None


def clean_language(tag: str | None) -> str | None:
    """Return the primary language of a tag such as `pt-BR`, or None when it is none or says nothing."""
    match = _LANGUAGE.match(tag.strip()) if tag else None
    code = match.group(1).lower() if match else None
    return None if code in ("und", "mul", "zxx") else code


def _plain(text: str, is_html: bool | None) -> str:
    text = text[:MAX_MARKUP_CHARS]
    if is_html is None:
        is_html = looks_like_html(text)
    return html_to_text(text) if is_html else text
