"""Feeds in three formats become articles; hostile ones become an error, quickly, and never anything worse."""

import contextlib
import gzip
import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_ingest.parse_feed import FeedIdentity, FeedUnreadable, parse_feed
from tocsin_ingest.raw_article import RawArticle, Refused

pytestmark = pytest.mark.unit

IDENTITY = FeedIdentity(origin="feed:osk", name="osk")

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Osk Gazette</title><link>https://oskgazette.example/</link>
<item><title>Mayor &amp; miners agree</title><link>https://oskgazette.example/1?utm_source=rss</link>
<guid isPermaLink="false">g1</guid><pubDate>Mon, 04 May 2026 09:30:00 +0200</pubDate>
<description>Short.</description>
<content:encoded><![CDATA[<p>The mayor of Osk and the miners agreed.</p><p>Work resumes.</p>]]></content:encoded></item>
<item><title>Second</title><link>https://oskgazette.example/2</link>
<description>&lt;p&gt;Escaped &amp;amp; marked up&lt;/p&gt;</description></item>
<item><title></title><description></description></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Osk Atom</title><id>urn:osk</id>
<entry><title type="html">Bread &amp;amp; salt</title><id>urn:osk:1</id><link href="https://oskatom.example/1"/>
<updated>2026-05-04T08:00:00Z</updated><content type="html">&lt;p&gt;Atom body&lt;/p&gt;</content></entry>
</feed>"""

JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1",
    "title": "Osk JSON",
    "items": [
        {
            "id": 7,
            "url": "https://oskjson.example/7",
            "title": "Ferry runs",
            "content_html": "<p>The ferry runs again.</p>",
            "date_published": "2026-05-04T10:00:00+02:00",
        },
        {"id": "8", "content_text": "a < b", "title": 5},
        {"id": "9", "content_text": "Only text <p>kept</p>"},
        "no object",
    ],
}


def test_rss_gives_title_longest_text_link_guid_and_date() -> None:
    first, second, empty = parse_feed(RSS.encode(), IDENTITY)
    assert isinstance(first, RawArticle)
    assert first.title == "Mayor & miners agree"
    assert "Work resumes" in first.text
    assert first.html is True
    assert first.url == "https://oskgazette.example/1?utm_source=rss"
    assert first.guid == "g1"
    assert first.published_at == datetime(2026, 5, 4, 7, 30, tzinfo=UTC)
    assert (first.source_name, first.source_domain, first.feed) == ("Osk Gazette", "oskgazette.example", "osk")
    assert isinstance(second, RawArticle)
    assert "Escaped &amp; marked up" in second.text
    assert isinstance(empty, RawArticle), "an empty entry is refused later, in one place for all ways in"


def test_atom_falls_back_to_the_time_of_update() -> None:
    (entry,) = parse_feed(ATOM.encode(), IDENTITY)
    assert isinstance(entry, RawArticle)
    assert entry.url == "https://oskatom.example/1"
    assert entry.published_at == datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
    assert "Atom body" in entry.text


def test_a_bad_item_of_a_json_feed_leaves_the_others_alone() -> None:
    first, numbered_title, text, no_object = parse_feed(json.dumps(JSON_FEED).encode(), IDENTITY)
    assert isinstance(first, RawArticle)
    assert (first.guid, first.title, first.source_name) == ("7", "Ferry runs", "Osk JSON")
    assert isinstance(numbered_title, RawArticle)
    assert isinstance(text, RawArticle)
    assert text.html is False
    assert isinstance(no_object, Refused)
    assert no_object.reason == "invalid-item"


def test_the_operator_s_labels_win_over_the_feed_s_own() -> None:
    identity = FeedIdentity(origin="feed:x", source_name="Named", source_domain="named.example", language="nl")
    entry = parse_feed(ATOM.encode(), identity)[0]
    assert isinstance(entry, RawArticle)
    assert (entry.source_name, entry.source_domain, entry.language) == ("Named", "named.example", "nl")


def test_the_payload_of_an_entry_is_the_same_at_every_poll() -> None:
    assert [e.payload for e in parse_feed(RSS.encode(), IDENTITY)] == [
        e.payload for e in parse_feed(RSS.replace("Gazette", "Herald").encode(), IDENTITY)
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_declared_encodings_are_understood(encoding: str) -> None:
    document = (
        f'<?xml version="1.0" encoding="{encoding}"?><rss><channel><item><title>Café né</title></item></channel></rss>'
    )
    (entry,) = parse_feed(document.encode(encoding), IDENTITY, content_type="application/rss+xml")
    assert isinstance(entry, RawArticle)
    assert entry.title == "Café né"


def test_a_wrongly_declared_encoding_still_gives_the_entries() -> None:
    document = '<?xml version="1.0" encoding="utf-8"?><rss><channel><item><title>Café</title></item></channel></rss>'
    (entry,) = parse_feed(document.encode("iso-8859-1"), IDENTITY, content_type="application/rss+xml")
    assert isinstance(entry, RawArticle)
    assert entry.title.startswith("Caf")


def test_a_feed_cut_off_in_the_middle_gives_what_came_before() -> None:
    document = RSS[: RSS.index("<item><title>Second")]
    (entry,) = parse_feed(document.encode(), IDENTITY)
    assert isinstance(entry, RawArticle)
    assert entry.title == "Mayor & miners agree"


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1 if i else str()};" * 10}">' for i in range(10))
    + ']><rss version="2.0"><channel><item><title>&a9;</title></item></channel></rss>'
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    '<rss version="2.0"><channel><item><title>&e;</title></item></channel></rss>'
)


@pytest.mark.parametrize("document", [LAUGHS, EXTERNAL])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_declared_entities_are_refused_before_anything_expands_them(document: str, encoding: str) -> None:
    with pytest.raises(FeedUnreadable, match="entities"):
        parse_feed(document.encode(encoding), IDENTITY)


def test_an_external_document_type_is_not_fetched() -> None:
    document = RSS.replace("<rss", '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss.dtd"><rss')
    assert len(parse_feed(document.encode(), IDENTITY)) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"just words",
        b"<html><body>404</body></html>",
        gzip.compress(RSS.encode()),
        b'{"version": "1"}',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": {}}',
        b'{"items": ' + b"[" * 100_000,
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [NaN]}',
        b"{" * 100_000,
    ],
)
def test_what_is_no_feed_is_an_error(body: bytes) -> None:
    with pytest.raises(FeedUnreadable):
        parse_feed(body, IDENTITY)


RSS_START, RSS_END = b'<rss version="2.0"><channel>', b"</channel></rss>"


@pytest.mark.parametrize(
    "body",
    [
        RSS_START + b"<item>" * 100_000,
        RSS_START + b"<d>" * 50_000 + b"</d>" * 50_000 + RSS_END,
        RSS_START + b"<d " + b" ".join(b'a%d="1"' % i for i in range(20_000)) + b"/>" + RSS_END,
        RSS_START + b"".join(b'<x%d:y xmlns:x%d="u"/>' % (i, i) for i in range(20_000)) + RSS_END,
        RSS_START + b"&bad;<item><title>" + b"<a" * 200_000,
        RSS_START + b"&bad;" + b"<d>" * 200_000,
        RSS_START + b"&bad;" + b"x" * 2_000_000,
    ],
    ids=["unclosed", "nested", "attributes", "prefixes", "broken tags", "broken nesting", "broken and large"],
)
def test_a_document_made_to_exhaust_its_reader_is_refused_at_once(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(FeedUnreadable):
        parse_feed(body, IDENTITY)
    assert time.process_time() - started < 2


def test_a_feed_with_a_stray_ampersand_is_repaired() -> None:
    (entry,) = parse_feed(RSS_START + b"<item><title>Fish & chips</title></item>" + RSS_END, IDENTITY)
    assert isinstance(entry, RawArticle)
    assert entry.title == "Fish & chips"


def test_a_name_of_an_encoding_that_no_decoder_bears_is_the_feeds_fault() -> None:
    with pytest.raises(FeedUnreadable, match="decoded"):
        parse_feed(RSS.encode().replace(b'encoding="utf-8"', b'encoding="ut\x00-8"'), IDENTITY)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_feed_never_raises_anything_but_its_own_error(data: st.DataObject) -> None:
    document = bytearray(data.draw(st.sampled_from([RSS.encode(), ATOM.encode(), json.dumps(JSON_FEED).encode()])))
    for _ in range(data.draw(st.integers(1, 5))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(FeedUnreadable):
        parse_feed(bytes(document), IDENTITY)
