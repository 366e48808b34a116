"""What a name in the gazetteer is."""

from dataclasses import dataclass
from enum import Enum

from tocsin_classify.gazetteer.fold import lower


class Case(Enum):
    """How a name must be written to count."""

    CAPITAL = "its first letter is a capital, where its script has capitals"
    ANY = "in any case, as adjectives in most languages"
    EXACT = "letter for letter, as US, which is no pronoun"


@dataclass(frozen=True)
class Name:
    """One spelling. `text` is folded, in the case it is usually written in; `country` is None for what is no place."""

    text: str
    country: str | None
    case: Case = Case.CAPITAL

    @property
    def key(self) -> str:
        """The form that is searched for."""
        return lower(self.text)


@dataclass(frozen=True)
class Ambiguity:
    """A name that means `country` only where no rival does; `person` when it may also be part of a person's name."""

    country: str
    rivals: frozenset[str]
    person: bool
