"""The invented texts that every contender reads: short items, and articles of full length."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

SHORT = "short"
LONG = "full-length"
KINDS = (SHORT, LONG)

_ROOT = Path(__file__).resolve().parents[2]
SHORT_SOURCE = _ROOT / "services/classify/training-data/labelled-invented.jsonl"
LONG_SOURCE = _ROOT / "services/cli/src/tocsin_cli/demo/scenario/articles.jsonl"

# Characters of a wire report, a newspaper's article and a long read; about 300, 500 and 800 English words.
LONG_CHARS = (1_800, 2_400, 3_000, 3_600, 4_800)


@dataclass(frozen=True)
class Text:
    """One article as a feed would give it."""

    title: str
    text: str
    language: str

    def joined(self) -> str:
        """The whole as one string, as somebody without `read_windows` would give it to a model."""
        title = " ".join(self.title.split())
        if title and title[-1] not in ".!?…。！？؟।۔":
            title += "."
        return f"{title} {self.text}".strip()


def read_texts(kind: str, number: int) -> list[Text]:
    """`number` texts of a kind, always the same ones; they begin anew where there are not as many.

    A repeated text costs as much as a new one: no contender keeps anything between articles.
    """
    if kind == SHORT:
        rows = [Text(row["title"] or "", row["text"], row["language"]) for row in _read(SHORT_SOURCE)]
        # From all over the file, which is sorted by language.
        rows = rows[:: max(1, len(rows) // number)]
    else:
        rows = list(compose_long([row for row in _read(LONG_SOURCE) if row["title"] and row["text"]]))
    return list(islice(cycle(rows), number))


def compose_long(rows: Sequence[dict[str, Any]]) -> Iterator[Text]:
    """Yield full-length articles: reports of one language and of like violence, one after another.

    Each report of the demo begins one article; what follows are the next reports of its group, until the length is
    reached, which goes round LONG_CHARS.
    """
    groups: defaultdict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["language"], row["intended_level"] >= 3].append(row)
    lengths = cycle(LONG_CHARS)
    places = {id(row): place for group in groups.values() for place, row in enumerate(group)}
    for row in rows:
        group = groups[row["language"], row["intended_level"] >= 3]
        wanted = next(lengths)
        text = ""
        for following in islice(cycle(group), places[id(row)], None):
            text += ("\n\n" if text else "") + following["text"]
            if len(text) >= wanted:
                break
        yield Text(row["title"], text[:wanted], row["language"])


def write_articles(texts: Sequence[Text], kind: str, target: Path) -> None:
    """As JSONL for `tocsin classify`, each with an id of its own."""
    _write(
        target,
        (
            {"id": f"{kind}-{number}", "title": text.title, "text": text.text, "language": text.language}
            for number, text in enumerate(texts)
        ),
    )


def write_joined(texts: Sequence[Text], target: Path) -> None:
    """As JSONL of whole strings, for the pipeline."""
    _write(target, ({"text": text.joined()} for text in texts))


def read_joined(file: Path) -> list[str]:
    """What `write_joined` wrote."""
    return [row["text"] for row in _read(file)]


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(target: Path, rows: Iterator[dict[str, Any]]) -> None:
    with target.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
