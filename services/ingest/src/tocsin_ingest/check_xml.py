"""Refuses XML that is made to exhaust its reader, before the feed parser sees it.

The feed parser's time grows with the square of nesting, attributes, prefixes and unclosed tags. Expat reads each of
them in linear time, so it goes first and counts. What is not well-formed it cannot judge to its end: that is kept
small.
"""

import re
from typing import Any, Final
from xml.parsers import expat

MAX_DEPTH: Final = 200
MAX_ATTRIBUTES: Final = 256
MAX_PREFIXES: Final = 200
"""A podcast feed, which has the most, declares about fifteen."""
MAX_BROKEN_BYTES: Final = 1024 * 1024
MAX_BROKEN_TAG_BYTES: Final = 32 * 1024
MAX_BROKEN_UNCLOSED: Final = 20_000
"""Forgiving: HTML inside a feed leaves many a <br> and <p> open."""

_FIRST_ELEMENT: Final = re.compile(rb"<[A-Za-z]")
_LONG_TAG: Final = re.compile(rb"<[A-Za-z/][^>]{%d}" % MAX_BROKEN_TAG_BYTES)


class HostileXml(ValueError):
    """The document has a shape that no feed has."""


def check_xml(body: bytes) -> None:
    """Return when `body` can be given to the feed parser. Raises HostileXml."""
    _refuse_entities(body)
    watcher = _Watcher()
    parser = expat.ParserCreate()
    parser.StartElementHandler = watcher.start
    parser.EndElementHandler = watcher.end
    parser.EntityDeclHandler = watcher.entity
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, HostileXml):
            raise
        _check_broken(body)


class _Watcher:
    """Counts while expat reads."""

    def __init__(self) -> None:
        self.depth = 0
        self.prefixes: set[str] = set()

    def start(self, _name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise HostileXml(f"elements are nested more than {MAX_DEPTH} deep")
        if len(attributes) > MAX_ATTRIBUTES:
            raise HostileXml(f"an element has more than {MAX_ATTRIBUTES} attributes")
        if attributes:
            self.prefixes.update(name for name in attributes if name.startswith("xmlns"))
            if len(self.prefixes) > MAX_PREFIXES:
                raise HostileXml(f"more than {MAX_PREFIXES} namespace prefixes")

    def end(self, _name: str) -> None:
        self.depth -= 1

    def entity(self, *_declaration: Any) -> None:
        raise HostileXml("it declares XML entities, which are refused")


def _refuse_entities(body: bytes) -> None:
    """Entities can grow without bound, and no feed needs them. Looked for in the bytes too, whatever the encoding."""
    start = body[: 1024 * 1024].replace(b"\0", b"")
    match = _FIRST_ELEMENT.search(start)
    if b"<!ENTITY" in start[: match.start() if match else None]:
        raise HostileXml("it declares XML entities, which are refused")


def _check_broken(body: bytes) -> None:
    body = body.replace(b"\0", b"")
    if len(body) > MAX_BROKEN_BYTES:
        raise HostileXml(f"not well-formed, and larger than the {MAX_BROKEN_BYTES} bytes that are repaired")
    opened = len(_FIRST_ELEMENT.findall(body)) - body.count(b"</") - body.count(b"/>")
    if opened > MAX_BROKEN_UNCLOSED or body.count(b"xmlns") > MAX_PREFIXES or _LONG_TAG.search(body):
        raise HostileXml("not well-formed, in a way that no feed is")
