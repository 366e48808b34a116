"""Official names of countries in the languages the model reads, from CLDR. Needed only to make the table."""

from collections.abc import Iterator

from babel import Locale

from tocsin_classify.gazetteer.fold import fold, is_arabic
from tocsin_classify.gazetteer.name import Kind, Name
from tocsin_classify.gazetteer.tables import country_names

LANGUAGES = ("en", "ar", "fr", "es", "ru", "uk", "pt", "fa", "tr", "hi", "zh", "zh_Hant", "id", "sw")
"""The languages the model is trained on; Chinese in both scripts."""


def official_names() -> Iterator[Name]:
    """Yield each country's name per language, and the adjectives that Arabic and Persian make from it by rule."""
    known = country_names()
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if code not in known:
                continue
            for spelling in _spellings(name):
                yield Name(fold(spelling), code)
                if adjective := _arabic_adjective(fold(spelling)):
                    yield Name(adjective, code, kind=Kind.PEOPLE)


def _spellings(name: str) -> list[str]:
    """`Myanmar (Burma)` is two names; `Congo - Kinshasa` is one, whatever the dash; `刚果（金）` needs its brackets."""
    opened = name.find(" (")
    if opened < 0:
        return [name]
    return [name[:opened], name[opened + 2 :].rstrip(")")]


def _arabic_adjective(folded: str) -> str | None:
    """روسيا gives روسي, فرنسا gives فرنسي, العراق gives عراقي: the same rule in Arabic and Persian."""
    if not is_arabic(folded[0]) or " " in folded:
        return None
    stem = folded.removeprefix("ال")
    stem = stem[:-1] if stem.endswith(("ا", "ه", "ي")) else stem
    adjective = stem.removesuffix("ي") + "ي"
    return adjective if len(adjective) > 3 else None
