"""Turns a parsed `--where` into a test of messages: names and values are checked once, beforehand. Pure.

A field with several values (topic, place, source) equals a value when one of them does, and differs when none does.
A field that a message does not have fits no comparison at all.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from tocsin_cli.inspect.fields import FIELDS, Field, Kind, Value
from tocsin_cli.inspect.parse_where import All, AnyOf, Comparison, Expression, Not, WhereError
from tocsin_cli.show.moments import BadMoment, parse_moment
from tocsin_cli.show.names import UnknownName, country_code, suggest, topic_code
from tocsin_contracts.fields import Message
from tocsin_contracts.scale import LEVEL_NAMES

Test = Callable[[Any], bool]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_ORDERED: Final = (Kind.NUMBER, Kind.TIME, Kind.LEVEL, Kind.CHOICE)
_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def compile_where(expression: Expression, message: type[Message], now: datetime) -> Test:
    """Return a test of messages of this type; `now` is what `2h` counts back from.

    Raises WhereError for a field the messages do not have and for a value that does not fit its field.
    """
    match expression:
        case Comparison():
            return _compile_comparison(expression, message, now)
        case Not(part):
            inner = compile_where(part, message, now)
            return lambda item: not inner(item)
        case All(parts):
            every = [compile_where(part, message, now) for part in parts]
            return lambda item: all(test(item) for test in every)
        case AnyOf(parts):
            some = [compile_where(part, message, now) for part in parts]
            return lambda item: any(test(item) for test in some)


def _compile_comparison(comparison: Comparison, message: type[Message], now: datetime) -> Test:
    fields = FIELDS[message]
    field = fields.get(comparison.field)
    if field is None:
        raise WhereError(
            f"no field {comparison.field[:40]} in these messages{suggest(comparison.field, fields) or _list(fields)}",
            comparison.field_at,
        )
    read = field.read
    if comparison.operator == "~":
        wanted = comparison.value.casefold()
        return lambda item: any(wanted in str(value).casefold() for value in read(item))
    value = _value(comparison, field, now)
    rank = _ranking(field)
    if comparison.operator == "==":
        return lambda item: any(rank(found) == value for found in read(item))
    if comparison.operator == "!=":
        # An absent field differs from nothing, as it equals nothing; several values must all differ.
        return lambda item: _differs([rank(found) for found in read(item)], value)
    if field.kind not in _ORDERED:
        raise WhereError(f"{comparison.field} has no order: use ==, != or ~", comparison.field_at)
    compare = _COMPARE[comparison.operator]
    return lambda item: any(compare(rank(found), value) for found in read(item))


def _list(fields: Mapping[str, Field]) -> str:
    return f"; there are {', '.join(sorted(fields))}"


def _differs(found: list[Value], value: Value) -> bool:
    return bool(found) and value not in found


def _ranking(field: Field) -> Callable[[Any], Value]:
    """Return what a field's value is compared as: a choice by its rank, text without regard to case."""
    if field.kind is Kind.CHOICE:
        return field.choices.index
    if field.kind is Kind.TEXT:
        return str.casefold
    return lambda value: value


def _value(comparison: Comparison, field: Field, now: datetime) -> Value:
    text = comparison.value
    try:
        return _read_value(text, field, now)
    except (ValueError, KeyError) as error:
        known = isinstance(error, (UnknownName, BadMoment))
        expected = ", ".join(field.choices) if field.choices else field.kind.value
        problem = str(error) if known else f"'{text[:40]}' does not fit {comparison.field} ({expected})"
        raise WhereError(problem, comparison.value_at) from None


def _read_value(text: str, field: Field, now: datetime) -> Value:
    match field.kind:
        case Kind.NUMBER:
            return float(text)
        case Kind.LEVEL:
            name = text.lower().replace("-", " ")
            names = [level.replace("-", " ") for level in LEVEL_NAMES]
            return names.index(name) if name in names else float(text)
        case Kind.TIME:
            return parse_moment(text, now)
        case Kind.TRUTH:
            return _TRUTHS[text.lower()]
        case Kind.TOPIC:
            return topic_code(text)
        case Kind.PLACE:
            return country_code(text)
        case Kind.CHOICE:
            return field.choices.index(text.lower())
        case Kind.TEXT:
            return text.casefold()
