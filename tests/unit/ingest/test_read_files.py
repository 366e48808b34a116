"""Files of every kind the command takes, told apart by themselves; each bad line is refused alone."""

import gzip
import io
import json

import pytest

from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.read_files import MAX_LINE_BYTES, FileUnreadable, read_items

pytestmark = pytest.mark.unit

LINE = {"id": 5, "title": "Ferry runs", "published_at": "2026-05-04", "extra": [1]}
FEED = {"version": "https://jsonfeed.org/version/1", "title": "F", "items": [{"id": "1", "title": "Item"}]}
RSS = b'\n<?xml version="1.0"?>\n<rss version="2.0"><channel><item><title>Item</title></item></channel></rss>'


def items(body: bytes, name: str = "osk.jsonl", source: str | None = None) -> list[RawArticle | Refused]:
    return list(read_items(io.BytesIO(body), name, source, None))


def test_each_line_of_jsonl_is_an_article_of_the_named_source() -> None:
    body = f"{json.dumps(LINE)}\n\n{json.dumps({**LINE, 'source': 'Own'})}".encode()
    first, second = items(body)
    assert isinstance(first, RawArticle)
    assert isinstance(second, RawArticle)
    assert (first.guid, first.source_name, first.origin) == ("5", "osk", "file:osk.jsonl:1")
    assert (second.source_name, second.origin) == ("Own", "file:osk.jsonl:3")
    assert items(body, source="Given")[0].source_name == "Given"  # type: ignore[union-attr]


def test_a_bad_line_is_refused_with_its_number_and_bytes_and_the_rest_goes_on() -> None:
    good = json.dumps(LINE).encode()
    long = b'{"title": "' + b"x" * MAX_LINE_BYTES + b'"}'
    first, broken, empty, too_long, last = items(b"\n".join([good, b"{broken", b"{}", long, good]))
    assert isinstance(first, RawArticle)
    assert isinstance(last, RawArticle)
    assert isinstance(broken, Refused)
    assert (broken.reason, broken.payload, broken.origin) == ("not-json", b"{broken", "file:osk.jsonl:2")
    assert isinstance(empty, Refused)
    assert empty.reason == "invalid-article"
    assert isinstance(too_long, Refused)
    assert too_long.reason == "line-too-long"


@pytest.mark.parametrize(
    "body",
    [
        RSS,
        json.dumps(FEED).encode(),
        json.dumps(FEED, indent=2).encode(),
        json.dumps({"title": "Item"}, indent=2).encode(),
        json.dumps([{"title": "Item"}]).encode(),
        b"\xef\xbb\xbf" + json.dumps({"title": "Item"}).encode(),
        RSS.decode().strip().replace("?>", " encoding='utf-16'?>").encode("utf-16"),
    ],
    ids=["rss", "json feed", "indented json feed", "indented object", "array", "byte order mark", "utf-16"],
)
def test_every_format_shows_itself(body: bytes) -> None:
    (item,) = items(body)
    assert isinstance(item, RawArticle)
    assert item.title == "Item"


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"", "empty"), (b"\n\n", "empty"), (b"a,b\n1,2", "neither"), (gzip.compress(RSS), "zcat"), (b"[1,", "JSON")],
)
def test_what_cannot_be_read_says_so_and_what_to_do(body: bytes, message: str) -> None:
    with pytest.raises(FileUnreadable, match=message):
        items(body)
