"""The little language of `--where`: text to a tree of comparisons, with errors that point at the place. Pure.

    level>=3 and place==SY and (topic==armed-conflict or title~'air strike') and not source==example.org

Comparisons are joined by `and`, `or` and `not` (in this order of binding, tightest last) and grouped by parentheses.
Operators are == != >= <= > < and ~ (contains, without regard to case). A value is a bare word or is quoted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MAX_CHARS: Final = 2_000
MAX_DEPTH: Final = 30
"""More than anybody types; bounds the recursion of whoever walks the tree."""

OPERATORS: Final = ("==", "!=", ">=", "<=", ">", "<", "~")
_KEYWORDS: Final = ("and", "or", "not")

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<operator>==|!=|>=|<=|>|<|~)
      | (?P<open>\() | (?P<close>\))
      | (?P<quoted>'(?:[^'\\]|\\.)*' | "(?:[^"\\]|\\.)*")
      | (?P<word>[^\s()'"=!<>~]+)
    """,
    re.VERBOSE | re.DOTALL,
)


class WhereError(ValueError):
    """An expression that says nothing; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class Comparison:
    """One field against one value, and where the field and the value stand in the text."""

    field: str
    operator: str
    value: str
    field_at: int = 0
    value_at: int = 0


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    part: "Expression"


@dataclass(frozen=True)
class All:
    """Parts that must all hold."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True)
class AnyOf:
    """Parts of which one must hold."""

    parts: tuple["Expression", ...]


Expression = Comparison | Not | All | AnyOf


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_where(text: str) -> Expression:
    """Return the tree of the expression. Raises WhereError."""
    if len(text) > MAX_CHARS:
        raise WhereError(f"longer than {MAX_CHARS} characters", MAX_CHARS)
    parser = _Parser(_tokenize(text), len(text))
    expression = parser.either(depth=0)
    parser.expect_end()
    return expression


def show_where(expression: Expression) -> str:
    """Return text that parses to the same tree."""
    match expression:
        case Comparison(field, operator, value):
            escaped = re.sub(r"([\\'])", r"\\\1", value)
            return f"{field}{operator}'{escaped}'"
        case Not(part):
            return f"not ({show_where(part)})"
        case All(parts):
            return " and ".join(f"({show_where(part)})" for part in parts)
        case AnyOf(parts):
            return " or ".join(f"({show_where(part)})" for part in parts)


def point_at(text: str, error: WhereError) -> str:
    """Return the error with the expression's surroundings of its place, for people."""
    start = max(0, error.position - 30)
    around = text[start : error.position + 30]
    marked = f"{around[: error.position - start]}»{around[error.position - start :]}"
    return f"{error} (at character {error.position + 1}: {marked})"


def _tokenize(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise WhereError(_explain_character(text[position]), position)
        kind = found.lastgroup or ""
        if kind == "word" and found.group().lower() in _KEYWORDS:
            kind = "keyword"
        if kind != "space":
            tokens.append(_Token(kind, found.group(), position))
        position = found.end()
    return tokens


def _explain_character(character: str) -> str:
    if character in "'\"":
        return "a quote that is never closed"
    if character == "=":
        return "a single = compares nothing: write =="
    return "a single ! denies nothing: write != or not"


class _Parser:
    """Recursive descent; each level of parentheses or `not` counts against the depth."""

    def __init__(self, tokens: Sequence[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._next = 0

    def either(self, depth: int) -> Expression:
        parts = [self._both(depth)]
        while self._take_keyword("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def expect_end(self) -> None:
        token = self._peek()
        if token is not None:
            raise WhereError("expected `and`, `or` or the end", token.position)

    def _both(self, depth: int) -> Expression:
        parts = [self._single(depth)]
        while self._take_keyword("and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _single(self, depth: int) -> Expression:
        token = self._peek()
        if depth >= MAX_DEPTH:
            raise WhereError(f"nested deeper than {MAX_DEPTH}", token.position if token else self._end)
        if self._take_keyword("not"):
            return Not(self._single(depth + 1))
        if token is not None and token.kind == "open":
            self._next += 1
            inside = self.either(depth + 1)
            closing = self._peek()
            if closing is None or closing.kind != "close":
                raise WhereError("a parenthesis that is never closed", token.position)
            self._next += 1
            return inside
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._take("word", "expected a field, such as level")
        operator = self._take("operator", f"expected one of {' '.join(OPERATORS)} after {field.text[:40]}")
        value = self._peek()
        if value is None or value.kind not in ("word", "quoted", "keyword"):
            raise WhereError("expected a value (quote it when it has spaces)", value.position if value else self._end)
        self._next += 1
        text = re.sub(r"\\(.)", r"\1", value.text[1:-1], flags=re.DOTALL) if value.kind == "quoted" else value.text
        return Comparison(field.text.lower(), operator.text, text, field.position, value.position)

    def _take(self, kind: str, complaint: str) -> _Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise WhereError(complaint, token.position if token else self._end)
        self._next += 1
        return token

    def _take_keyword(self, keyword: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "keyword" or token.text.lower() != keyword:
            return False
        self._next += 1
        return True

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None
