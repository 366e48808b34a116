"""Labelled items and articles to judge a model on, as their files give them: with codes, countries, and their story."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from tocsin_classify.model_directory import LEVELS, Direction
from tocsin_classify.training.dataset import files_of, read_rows, read_short_rows
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import LONGFORM_TEST_PREFIX, TEST_FROM, Part, part_of

# A text of so many characters is an article at full length, with or without paragraphs of its own.
FULL_LENGTH_CHARS = 1_500
BOILERPLATE = "boilerplate*.jsonl"
LONGFORM = "longform-*.jsonl"

Kind = Literal["short", "full-length", "no-news"]


@dataclass(frozen=True)
class Labelled:
    """A text and what is true of it. `countries` is None where they are not labelled.

    `story` is shared by a translation and its original.
    """

    id: str
    story: str
    language: str
    title: str
    text: str
    kind: Kind
    level: int = 0
    direction: Direction = "unchanged"
    topics: frozenset[str] = frozenset()
    countries: frozenset[str] | None = None


def read_part(directories: Sequence[Path], part: Part, test_from: str = TEST_FROM) -> list[Labelled]:
    """The items of one part of the data directories, short ones first, then full-length ones, then boilerplate.

    Short items dated `test_from` (YYYY-MM-DD) or later are the test part.

    Raises TrainingError naming file, line and field of what cannot be used.
    """
    found = []
    for where, row in read_short_rows(directories):
        item = read_labelled(where, row)
        if part_of(item.id, str(row.get("date") or ""), test_from) == part:
            found.append(item)
    for where, row in _rows(directories, LONGFORM):
        item = read_labelled(where, row)
        if part == ("test" if item.id.startswith(LONGFORM_TEST_PREFIX) else "train"):
            found.append(item)
    for where, row in _rows(directories, BOILERPLATE):
        item = read_labelled(where, row)
        if part_of(item.id, "") == part:
            found.append(item)
    return found


def read_file(path: Path) -> list[Labelled]:
    """Every item of one file, whatever its date. Raises TrainingError."""
    return [read_labelled(where, row) for where, row in read_rows(path)]


def read_labelled(where: str, row: dict[str, Any]) -> Labelled:
    """A row in any of the formats; one without a level is a text that is no news. Raises TrainingError."""
    try:
        item_id = str(row["id"])
        paragraphs = row.get("paragraphs")
        text = "\n\n".join(str(each["text"]) for each in paragraphs) if paragraphs else str(row["text"] or "")
        title, language = str(row.get("title") or ""), str(row.get("language") or "en")
        _some_text(title, text)
        if "level" not in row:
            return Labelled(item_id, item_id, language, title, text, "no-news")
        countries = row.get("countries")
        return Labelled(
            id=item_id,
            story=str(row.get("story_id") or item_id),
            language=language,
            title=title,
            text=text,
            kind="full-length" if paragraphs or len(text) >= FULL_LENGTH_CHARS else "short",
            level=_level(row["level"]),
            direction=_direction(row["direction"]),
            topics=frozenset(str(code) for code in row["topics"]),
            countries=None if countries is None else frozenset(str(code) for code in countries),
        )
    except KeyError as error:
        raise TrainingError(f"{where}: {error} is missing") from error
    except (ValueError, TypeError) as error:
        raise TrainingError(f"{where}: {error}") from error


def _rows(directories: Sequence[Path], pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in files_of(directories, pattern):
        yield from read_rows(path)


def _some_text(title: str, text: str) -> None:
    if not title.strip() and not text.strip():
        raise ValueError("title and text are empty")


def _level(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LEVELS:
        raise ValueError(f"level {value!r} is not a whole number between 0 and {LEVELS - 1}")
    return value


def _direction(value: Any) -> Direction:
    for direction in get_args(Direction):
        if value == direction:
            return direction  # type: ignore[no-any-return] # one of the literals
    raise ValueError(f"direction {value!r} is none of {', '.join(get_args(Direction))}")
