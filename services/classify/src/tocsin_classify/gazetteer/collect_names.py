"""Collects all names, each spelling once."""

from tocsin_classify.gazetteer.cities import city_names
from tocsin_classify.gazetteer.name import Name
from tocsin_classify.gazetteer.official_names import official_names
from tocsin_classify.gazetteer.tables import english_names, names_in_other_languages, not_places


def collect_names() -> list[Name]:
    """Return every name; where two sources differ, our own tables win, then CLDR, then the larger city."""
    names: dict[str, Name] = {}
    for source in (not_places, english_names, names_in_other_languages, official_names, city_names):
        for name in source():
            if len(name.key) > 1:
                names.setdefault(name.key, name)
    return list(names.values())
