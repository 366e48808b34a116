"""Makes the table of names: `make names`, or python -m tocsin_classify.gazetteer.make_names.

The libraries that carry CLDR and GeoNames weigh 210 MB, and their names change once in years. So they are needed only
here, in the development environment, and a test says when the committed table is not what they give.
"""

import gzip
import sys
from pathlib import Path

from tocsin_classify.gazetteer.cities import city_names
from tocsin_classify.gazetteer.name import Name
from tocsin_classify.gazetteer.names_table import TABLE, write_lines
from tocsin_classify.gazetteer.official_names import official_names


def make_names() -> list[Name]:
    """Return each spelling once; CLDR wins over GeoNames, and the larger city over the smaller."""
    names: dict[str, Name] = {}
    for source in (official_names, city_names):
        for name in source():
            if len(name.key) > 1:
                names.setdefault(name.key, name)
    return list(names.values())


def main() -> int:
    """Write the table into the package this runs from."""
    names = make_names()
    path = Path(__file__).parent / "data" / TABLE
    # Without a time and a name inside, the same names give the same file.
    path.write_bytes(gzip.compress(write_lines(names).encode("utf-8"), compresslevel=9, mtime=0))
    sys.stderr.write(f"{path}: {len(names)} names, {path.stat().st_size // 1024} KiB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
