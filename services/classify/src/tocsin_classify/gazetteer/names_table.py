"""The table of names from CLDR and GeoNames (data/names.tsv.gz), as `make names` writes it."""

import gzip
from collections.abc import Iterable, Iterator
from importlib.resources import files

from tocsin_classify.gazetteer.name import Kind, Name

TABLE = "names.tsv.gz"


def read_table() -> Iterator[Name]:
    """Yield the names of the table."""
    packed = files("tocsin_classify.gazetteer").joinpath("data", TABLE).read_bytes()
    kinds = {kind.value: kind for kind in Kind}
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        text, country, kind = line.split("\t")
        yield Name(text, country, kind=kinds[kind])


def write_lines(names: Iterable[Name]) -> str:
    """Return the table's content: a line per name, with its text, country and kind."""
    return "".join(f"{name.text}\t{name.country}\t{name.kind.value}\n" for name in names)
