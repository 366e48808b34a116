"""Collects all names, each spelling once."""

from dataclasses import replace

from tocsin_classify.gazetteer.name import Case, Name
from tocsin_classify.gazetteer.names_table import read_table
from tocsin_classify.gazetteer.tables import actors, english_names, exact_names, names_in_other_languages, not_places


def collect_names() -> list[Name]:
    """Return every name; where two sources differ, our own tables win, then CLDR, then the larger city."""
    names: dict[str, Name] = {}
    for source in (not_places, exact_names, english_names, names_in_other_languages, actors, read_table):
        for name in source():
            key = name.key
            if len(key) < 2:
                continue
            known = names.setdefault(key, name)
            # Israeli in English is israelí in Spanish, which takes no capital.
            if name.case is Case.ANY and known.case is Case.CAPITAL and known.country == name.country:
                names[key] = replace(known, case=Case.ANY)
    return list(names.values())
