"""An outlet's front page in its three formats: RSS 2.0, Atom 1.0 and JSON Feed 1.1; and a page for each article."""

import html
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from xml.etree import ElementTree as Xml

from tocsin_cli.demo.scenario import FeedFormat, Outlet, ScenarioArticle
from tocsin_cli.demo.timeline import Published

CONTENT_TYPES: Final[dict[FeedFormat, str]] = {
    FeedFormat.RSS: "application/rss+xml; charset=utf-8",
    FeedFormat.ATOM: "application/atom+xml; charset=utf-8",
    FeedFormat.JSON_FEED: "application/feed+json; charset=utf-8",
}

_ATOM: Final = "http://www.w3.org/2005/Atom"
_CONTENT: Final = "http://purl.org/rss/1.0/modules/content/"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

Xml.register_namespace("content", _CONTENT)


def feed_path(outlet: Outlet) -> str:
    """Return the path of the outlet's feed on the web server."""
    return f"/{outlet.key}/feed.{'json' if outlet.format is FeedFormat.JSON_FEED else 'xml'}"


def article_path(article: ScenarioArticle) -> str:
    """Return the path of the article's page on the web server; an edit keeps it."""
    return f"/{article.outlet}/{article.id}"


def feed_document(outlet: Outlet, published: Sequence[Published], base_url: str) -> bytes:
    """Return the outlet's feed with these articles, in the order given. `base_url` has no slash at its end."""
    return _WRITERS[outlet.format](outlet, published, base_url)


def article_page(outlet: Outlet, published: Published) -> bytes:
    """Return the article as an HTML page."""
    article = published.article
    direction = "rtl" if article.language in ("ar", "fa", "he", "ur") else "ltr"
    when = f"{published.published_at:%Y-%m-%d %H:%M:%S} UTC"
    if published.updated_at != published.published_at:
        when += f", changed at {published.updated_at:%H:%M:%S} UTC"
    page = (
        f'<!doctype html>\n<html lang="{article.language}" dir="{direction}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(article.title)}</title>\n'
        "<style>body{max-width:40rem;margin:3rem auto;padding:0 1rem;font:1.1rem/1.5 serif}small{color:#666}</style>"
        f"</head>\n<body><small>{html.escape(outlet.name)} (invented, as is everything here) · {when}</small>\n"
        f"<h1>{html.escape(article.title)}</h1>\n{_paragraphs(article.text)}</body>\n</html>\n"
    )
    return page.encode()


def _rss(outlet: Outlet, published: Sequence[Published], base_url: str) -> bytes:
    root = Xml.Element("rss", version="2.0")
    channel = Xml.SubElement(root, "channel")
    _add(channel, "title", outlet.name)
    _add(channel, "link", f"{base_url}/{outlet.key}/")
    _add(channel, "description", f"{outlet.name}: everything here is invented")
    _add(channel, "language", outlet.language)
    if published:
        _add(channel, "lastBuildDate", _rfc822(max(item.updated_at for item in published)))
    for each in published:
        item = Xml.SubElement(channel, "item")
        if each.article.raw is not None:
            for name, value in each.article.raw.items():
                _add(item, name, value)
            continue
        _add(item, "title", each.article.title)
        _add(item, "link", f"{base_url}{article_path(each.article)}")
        _add(item, "guid", each.article.id).set("isPermaLink", "false")
        _add(item, "pubDate", _rfc822(each.published_at))
        _add(item, "description", html.escape(_lead(each.article.text)))
        _add(item, f"{{{_CONTENT}}}encoded", _paragraphs(each.article.text))
    return _xml(root)


def _atom(outlet: Outlet, published: Sequence[Published], base_url: str) -> bytes:
    # Without a prefix, as feeds in the wild are; ElementTree's own namespaces would give it one.
    root = Xml.Element("feed", {"xmlns": _ATOM, _XML_LANG: outlet.language})
    _add(root, "title", outlet.name)
    _add(root, "id", f"tag:{outlet.domain},2026:feed")
    Xml.SubElement(root, "link", rel="self", href=f"{base_url}{feed_path(outlet)}")
    Xml.SubElement(root, "link", rel="alternate", href=f"{base_url}/{outlet.key}/")
    if published:
        _add(root, "updated", max(item.updated_at for item in published).isoformat())
    author = Xml.SubElement(root, "author")
    _add(author, "name", outlet.name)
    for each in published:
        entry = Xml.SubElement(root, "entry")
        _add(entry, "title", each.article.title)
        _add(entry, "id", f"tag:{outlet.domain},2026:{each.article.id}")
        Xml.SubElement(entry, "link", rel="alternate", href=f"{base_url}{article_path(each.article)}")
        _add(entry, "published", each.published_at.isoformat())
        _add(entry, "updated", each.updated_at.isoformat())
        _add(entry, "summary", _lead(each.article.text))
        _add(entry, "content", _paragraphs(each.article.text)).set("type", "html")
    return _xml(root)


def _json_feed(outlet: Outlet, published: Sequence[Published], base_url: str) -> bytes:
    items: list[dict[str, Any]] = [
        {
            "id": each.article.id,
            "url": f"{base_url}{article_path(each.article)}",
            "title": each.article.title,
            "summary": _lead(each.article.text),
            "content_text": each.article.text,
            "date_published": each.published_at.isoformat(),
            "date_modified": each.updated_at.isoformat(),
            "language": each.article.language,
        }
        for each in published
    ]
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": f"{base_url}/{outlet.key}/",
        "feed_url": f"{base_url}{feed_path(outlet)}",
        "language": outlet.language,
        "items": items,
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


_WRITERS: Final[dict[FeedFormat, Callable[[Outlet, Sequence[Published], str], bytes]]] = {
    FeedFormat.RSS: _rss,
    FeedFormat.ATOM: _atom,
    FeedFormat.JSON_FEED: _json_feed,
}


def _add(parent: Xml.Element, name: str, text: str) -> Xml.Element:
    element = Xml.SubElement(parent, name)
    element.text = text
    return element


def _xml(root: Xml.Element) -> bytes:
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _rfc822(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def _lead(text: str) -> str:
    return text.split("\n\n", 1)[0]


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in text.split("\n\n"))
