"""Reads articles from a file, a URL's body or standard input; what it is (JSONL, RSS, Atom, JSON Feed) shows itself."""

import io
import json
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, BinaryIO, Final

from pydantic import ValidationError

from tocsin_contracts.codec import describe_errors
from tocsin_ingest.parse_feed import FeedIdentity, FeedUnreadable, is_json_feed, parse_feed
from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.read_pushed import FiledArticle, NotJson, parse_json, raw_article

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
MAX_DOCUMENT_BYTES: Final = 256 * 1024 * 1024
"""Feeds and JSON arrays are read as a whole; only JSONL may be of any size."""

_BOM: Final = b"\xef\xbb\xbf"


class FileUnreadable(ValueError):
    """The bytes are in no format that is known here; the text says what to do."""


def read_items(stream: BinaryIO, name: str, source: str | None, feed: str | None) -> Iterator[RawArticle | Refused]:
    """Yield the items of `stream`. `source` labels those that name none; without it the file's name does.

    Raises FileUnreadable.
    """
    first = _first_line(stream)
    start = first.lstrip(_BOM).lstrip()
    if not start:
        raise FileUnreadable(f"{name}: it is empty")
    if start.startswith(b"\x1f\x8b"):
        raise FileUnreadable(f"{name}: it is compressed; use: zcat {name} | tocsin ingest -")
    if start.startswith(b"{"):
        yield from _read_json(first.lstrip(_BOM), stream, name, source, feed)
    elif start.startswith(b"["):
        yield from _read_array(_whole(first, stream, name).lstrip(_BOM), name, source)
    elif b"<" in start[:1] or b"\0" in start[:4] or first.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield from _read_feed(_whole(first, stream, name), name, source, feed)
    else:
        raise FileUnreadable(f"{name}: neither JSONL, RSS, Atom nor JSON Feed")


def _first_line(stream: BinaryIO) -> bytes:
    line = stream.readline(MAX_LINE_BYTES)
    while line and not line.strip():
        line = stream.readline(MAX_LINE_BYTES)
    return line


def _whole(first: bytes, stream: BinaryIO, name: str) -> bytes:
    body = first + stream.read(MAX_DOCUMENT_BYTES)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise FileUnreadable(f"{name}: larger than {MAX_DOCUMENT_BYTES} bytes; convert it to JSONL, which has no limit")
    return body


def _read_json(
    first: bytes, stream: BinaryIO, name: str, source: str | None, feed: str | None
) -> Iterator[RawArticle | Refused]:
    """One object per line, or one object (an article or a JSON Feed) over many lines."""
    if _is_json(first):
        if is_json_feed(first):
            yield from _read_feed(first, name, source, feed)
            return
        yield from _read_lines(first, stream, name, source)
        return
    body = _whole(first, stream, name) if len(first) < MAX_LINE_BYTES else first
    if not _is_json(body):
        yield from _read_lines(b"", io.BytesIO(body), name, source)
    elif is_json_feed(body):
        yield from _read_feed(body, name, source, feed)
    else:
        yield _item(parse_json(body, 0), body, f"file:{name}", source or PurePath(name).stem)


def _is_json(document: bytes) -> bool:
    try:
        parse_json(document, 0)
    except NotJson:
        return False
    return True


def _read_lines(first: bytes, stream: BinaryIO, name: str, source: str | None) -> Iterator[RawArticle | Refused]:
    number = 0
    line = first or stream.readline(MAX_LINE_BYTES)
    while line:
        number += 1
        origin = f"file:{name}:{number}"
        if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
            yield Refused("line-too-long", f"the line has more than {MAX_LINE_BYTES} bytes", line[:10_000], origin)
            while line and not line.endswith(b"\n"):
                line = stream.readline(MAX_LINE_BYTES)
        elif line.strip():
            try:
                yield _item(parse_json(line, number), line.rstrip(b"\r\n"), origin, source or PurePath(name).stem)
            except NotJson as error:
                yield Refused("not-json", str(error), line.rstrip(b"\r\n"), origin)
        line = stream.readline(MAX_LINE_BYTES)


def _read_array(body: bytes, name: str, source: str | None) -> Iterator[RawArticle | Refused]:
    try:
        items = parse_json(body, 0)
    except NotJson as error:
        raise FileUnreadable(f"{name}: {error}") from error
    for index, item in enumerate(items):
        payload = json.dumps(item, ensure_ascii=False).encode("utf-8", "replace")
        yield _item(item, payload, f"file:{name}:{index + 1}", source or PurePath(name).stem)


def _item(value: Any, payload: bytes, origin: str, source: str) -> RawArticle | Refused:
    try:
        article = FiledArticle.model_validate(value)
    except ValidationError as error:
        return Refused("invalid-article", describe_errors(error), payload, origin)
    return raw_article(article, origin=origin, payload=payload, source_name=source)


def _read_feed(body: bytes, name: str, source: str | None, feed: str | None) -> Iterator[RawArticle | Refused]:
    try:
        yield from parse_feed(body, FeedIdentity(origin=f"file:{name}", name=feed, source_name=source))
    except FeedUnreadable as error:
        raise FileUnreadable(f"{name}: {error}") from error
