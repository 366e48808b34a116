"""What a name in the gazetteer is."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from tocsin_classify.gazetteer.fold import lower


class Case(Enum):
    """How a name must be written to count."""

    CAPITAL = "its first letter is a capital, where its script has capitals"
    ANY = "in any case, as adjectives in most languages"
    EXACT = "letter for letter, as US, which is no pronoun"


class Kind(StrEnum):
    """What a name names; the values are the letters in the table of names."""

    COUNTRY = "c"
    """The country, or a part of it."""
    PEOPLE = "p"
    """Its people, or the adjective."""
    CAPITAL = "k"
    """Its capital, which may stand for its government."""
    CITY = "t"
    REGION = "r"
    """A part of a country that is written after its cities: Paris, Texas."""
    ACTOR = "a"
    """An armed group or an institution at home there."""


@dataclass(frozen=True, slots=True)
class Name:
    """One spelling. `text` is folded, in the case it is usually written in; `country` is None for what is no place.

    `also` are further homes of an actor.
    """

    text: str
    country: str | None
    case: Case = Case.CAPITAL
    kind: Kind = Kind.COUNTRY
    also: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The form that is searched for."""
        return lower(self.text)


@dataclass(frozen=True)
class Ambiguity:
    """A name that means `country` only where no rival does.

    `person`: it may also be part of a person's name, and with `first_name` that person's first one. `cues` are words
    (folded, in lower case) near it that make it mean the rival they stand with.
    `needs`: it counts only in a text that has one of these words.
    """

    country: str
    rivals: frozenset[str]
    person: bool
    first_name: bool = False
    cues: tuple[tuple[str, str], ...] = ()
    needs: frozenset[str] = frozenset()
