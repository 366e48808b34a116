"""Makes text from the network safe for a terminal: what is printed must not move the cursor or reverse the line."""

import re
import unicodedata
from typing import Final

_JOINERS: Final = "\u200c\u200d"
"""Zero-width (non-)joiners: format characters that Persian, Indic scripts and emoji need."""

_ESCAPE_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A whole control sequence such as a colour, which would leave its printable rest behind."""

_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON may hold unescaped and a terminal acts upon (C1 controls, bidirectional overrides), and lone surrogates."""


def _keep(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or character in "\n\r\t":
        return " "
    if category in ("Cc", "Cf", "Cs") and character not in _JOINERS:
        return ""
    return character


def one_line(text: str, limit: int = 1_000) -> str:
    """Return `text` on one line, without control and direction characters, cut to `limit` characters."""
    cut = _ESCAPE_SEQUENCE.sub("", text[: limit * 4])
    cleaned = " ".join("".join(map(_keep, cut)).split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def many_lines(text: str) -> str:
    """Return `text` with its line breaks and tabs (as four spaces), without control and direction characters."""
    lines = re.split("\r\n|[\n\r\u2028\u2029]", _ESCAPE_SEQUENCE.sub("", text).replace("\t", "    "))
    return "\n".join("".join(map(_keep, line)) for line in lines)


def escape_json(serialized: str) -> str:
    """Return the same JSON with characters that a terminal acts upon, and lone surrogates, as escapes."""
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", serialized)
