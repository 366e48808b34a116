"""Topics and countries as people name them, turned into codes; an unknown name gets the nearest known ones."""

import difflib
from collections.abc import Iterable
from typing import Final

from tocsin_cli.show.countries import COUNTRY_NAMES, find_country
from tocsin_cli.show.printable import one_line
from tocsin_contracts.fields import TopicCode
from tocsin_contracts.media_topics import TOPIC_NAMES, find_topic, topic_slug

_SUGGESTIONS: Final = 3


class UnknownName(ValueError):
    """A name that is none; the message suggests some that are."""


def topic_code(text: str) -> str:
    """Return the code of the topic that `text` names by code, name or slug. Raises UnknownName.

    A well-formed code that this version has no name for is taken as it is: another model may tag with it.
    """
    from pydantic import TypeAdapter, ValidationError

    code = find_topic(text)
    if code is not None:
        return code
    try:
        return TypeAdapter(TopicCode).validate_python(text.strip().lower())
    except ValidationError:
        known = [topic_slug(code) for code in TOPIC_NAMES]
        raise UnknownName(f"'{one_line(text, 60)}' is no topic{suggest(text.lower(), known)}") from None


def country_code(text: str) -> str:
    """Return the ISO code of the country that `text` names by code or English name. Raises UnknownName."""
    code = find_country(text)
    if code is None:
        known = {name.casefold(): name for name in COUNTRY_NAMES.values()}
        nearest = [known[name] for name in _near(text.casefold(), known)]
        raise UnknownName(f"'{one_line(text, 60)}' is no country{_either(nearest)}")
    return code


def topic_codes(texts: Iterable[str]) -> frozenset[str]:
    """Return the codes of the topics. Raises UnknownName."""
    return frozenset(topic_code(text) for text in texts)


def country_codes(texts: Iterable[str]) -> frozenset[str]:
    """Return the codes of the countries. Raises UnknownName."""
    return frozenset(country_code(text) for text in texts)


def suggest(text: str, known: Iterable[str]) -> str:
    """Return `: did you mean …?` with the known names nearest to `text`, or nothing."""
    return _either(_near(text, known))


def _near(text: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(text, list(known), n=_SUGGESTIONS)


def _either(names: list[str]) -> str:
    return f": did you mean {' or '.join(names)}?" if names else ""
