"""HTML to plain text in one pass whose time is linear in the input, however broken the input is.

A tree builder is not needed to read news, and the parsers at hand have had quadratic cases on hostile markup.
"""

import html
import re
from typing import Final

_BLOCK_TAGS: Final = frozenset(
    "address article aside blockquote br caption dd details div dl dt fieldset figcaption figure footer form h1 h2 "  # noqa: SIM905
    "h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul".split()
)
_SILENT_TAGS: Final = frozenset(
    ("script", "style", "template", "noscript", "iframe", "object", "svg", "math", "textarea", "title")
)
_KNOWN_TAGS: Final = (
    "a|abbr|b|blockquote|br|code|div|em|figure|h[1-6]|hr|i|img|li|ol|p|pre|s|script|small|span|strong|style|sub|sup|"
    "table|td|tr|u|ul"
)
_TAG_NAME: Final = re.compile(r"/?([A-Za-z][A-Za-z0-9:-]{0,40})", re.ASCII)
_LOOKS_LIKE_HTML: Final = re.compile(rf"</?(?:{_KNOWN_TAGS})(?:\s[^<>]{{0,2000}})?/?>", re.IGNORECASE | re.ASCII)


def looks_like_html(text: str) -> bool:
    """Return whether `text` holds a tag that news markup uses; `a < b and c > d` does not."""
    return _LOOKS_LIKE_HTML.search(text) is not None


def html_to_text(markup: str) -> str:
    """Return the readable text of `markup`: no tags or scripts, blocks on lines of their own, entities resolved."""
    pieces: list[str] = []
    position, length = 0, len(markup)
    # Once a closing mark has not been found, it is not looked for again: that is what keeps hostile input linear.
    absent: set[str] = set()
    while position < length:
        start = markup.find("<", position)
        if start < 0:
            pieces.append(markup[position:])
            break
        pieces.append(markup[position:start])
        if markup.startswith("<!--", start):
            position = _after(markup, "-->", start + 4, absent)
            continue
        if markup.startswith("<![CDATA[", start):
            position = start + 9
            continue
        match = _TAG_NAME.match(markup, start + 1)
        if match is None and not markup.startswith(("<!", "<?"), start):
            pieces.append("<")
            position = start + 1
            continue
        position = _after(markup, ">", start + 1, absent)
        if match is None:
            continue
        name = match.group(1).lower()
        if name in _BLOCK_TAGS:
            pieces.append("\n")
        elif name in _SILENT_TAGS and markup[start + 1] != "/" and markup[position - 2 : position] != "/>":
            position = _after_closing_tag(markup, name, position, absent)
            pieces.append("\n")
    # Entities are resolved piece by piece, so that an escaped tag stays text and an odd `&` cannot reach across tags.
    return "".join(html.unescape(piece) for piece in pieces).replace("]]>", "")


def _after(markup: str, mark: str, start: int, absent: set[str]) -> int:
    end = -1 if mark in absent else markup.find(mark, start)
    if end < 0:
        absent.add(mark)
        return len(markup)
    return end + len(mark)


def _after_closing_tag(markup: str, name: str, start: int, absent: set[str]) -> int:
    closing = f"</{name}"
    match = (
        None if closing in absent else re.compile(re.escape(closing), re.IGNORECASE | re.ASCII).search(markup, start)
    )
    if match is None:
        absent.add(closing)
        return len(markup)
    return _after(markup, ">", match.end(), absent)
