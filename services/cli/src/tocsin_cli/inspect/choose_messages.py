"""Builds one test of messages from `--where` and its shorthands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tocsin_cli.inspect.match_where import Test, compile_where
from tocsin_cli.inspect.parse_where import AnyOf, Comparison, Expression, WhereError, parse_where, point_at
from tocsin_contracts.fields import Message


class BadChoice(ValueError):
    """An option that chooses nothing; the message names the option and says why."""


@dataclass(frozen=True)
class Choice:
    """What the options ask for; alternatives within one option, all options together."""

    where: str | None = None
    level: int | None = None
    min_level: int | None = None
    topics: Sequence[str] = ()
    places: Sequence[str] = ()
    sources: Sequence[str] = ()


def build_test(choice: Choice, message: type[Message], now: datetime) -> Test | None:
    """Return the test that the options make together, None when they ask for nothing. Raises BadChoice."""
    tests = [
        _compile(f"--{option}", expression, message, now)
        for option, expression in (
            ("level", _any_of("level", "==", [] if choice.level is None else [str(choice.level)])),
            ("min-level", _any_of("level", ">=", [] if choice.min_level is None else [str(choice.min_level)])),
            ("topic", _any_of("topic", "==", choice.topics)),
            ("place", _any_of("place", "==", choice.places)),
            ("source", _any_of("source", "==", choice.sources)),
        )
        if expression is not None
    ]
    if choice.where is not None:
        try:
            tests.append(compile_where(parse_where(choice.where), message, now))
        except WhereError as error:
            raise BadChoice(f"--where: {point_at(choice.where, error)}") from None
    if not tests:
        return None
    return lambda item: all(test(item) for test in tests)


def _any_of(field: str, operator: str, values: Sequence[str]) -> Expression | None:
    if not values:
        return None
    return AnyOf(tuple(Comparison(field, operator, value) for value in values))


def _compile(option: str, expression: Expression, message: type[Message], now: datetime) -> Test:
    try:
        return compile_where(expression, message, now)
    except WhereError as error:
        raise BadChoice(f"{option}: {error}") from None
