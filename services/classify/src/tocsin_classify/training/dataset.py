"""Labelled news items and articles, split by time, cut into the windows the model will read.

Short items (one JSON object a line): id, date (YYYY-MM-DD), title or null, text, level 0-5, direction, topics
(codes), and language where it is not English. A translation carries the id and date of its original, so that
both always fall into the same part.

Long articles: id, title, level, direction, topics, paragraphs [{text, level, role}]; only paragraphs of role
`current` say what is happening now.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tocsin_classify.model_directory import LEVELS, Direction
from tocsin_classify.read_windows import TITLE_TOKENS, Tokenizer, close_title, read_windows, window_starts
from tocsin_classify.training.errors import TrainingError

DIRECTIONS: tuple[Direction, ...] = ("escalating", "unchanged", "de-escalating")
_DIRECTION_PLACES = {direction: place for place, direction in enumerate(DIRECTIONS)}

# Items from this day on are never seen in training or tuning: the model is judged on later years.
TEST_FROM = "2021-01-01"
# One in so many of the earlier items is kept for tuning thresholds, chosen by a hash of its id.
DEVELOPMENT_ONE_IN = 12
# Long articles share a writer's style per prefix of the id; one prefix is held out whole.
LONGFORM_TEST_PREFIX = "lt-6-"
# Windows that report less than their article does carry its title all the same, so what they should say is
# unsure; one in so many is enough to learn that the text decides.
LOWER_WINDOW_ONE_IN = 3
# Tokens of a current paragraph a window must hold to report its level.
REPORTING_TOKENS = 24

Part = Literal["train", "development", "test"]


@dataclass(frozen=True)
class Item:
    """One labelled article. `direction` and `topics` are positions in DIRECTIONS and in the topic list."""

    id: str
    language: str
    title: str
    text: str
    level: int
    direction: int
    topics: tuple[int, ...]
    paragraphs: tuple["Paragraph", ...] = ()


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a long article and the level it reports as current (0 unless its role is current)."""

    text: str
    level: int


@dataclass(frozen=True)
class Example:
    """One window with its labels. `other_weight` 0 teaches the level alone, not direction and topics."""

    ids: tuple[int, ...]
    level: int
    direction: int
    topics: tuple[int, ...]
    other_weight: float = 1.0


@dataclass(frozen=True)
class Dataset:
    """What the data directory held, by part."""

    topics: list[str]
    short: dict[Part, list[Item]]
    long: dict[Part, list[Item]]


def read_dataset(directory: Path) -> Dataset:
    """Reads topics.json, labelled-train.jsonl and, where present, the multilingual and long files.

    Raises TrainingError naming file, line and field of what cannot be used.
    """
    topics = read_topics(directory / "topics.json")
    places = {code: place for place, code in enumerate(topics)}
    short: dict[Part, list[Item]] = {"train": [], "development": [], "test": []}
    long: dict[Part, list[Item]] = {"train": [], "development": [], "test": []}
    for name, required in (("labelled-train.jsonl", True), ("labelled-multilingual.jsonl", False)):
        for where, row in read_rows(directory / name, required=required):
            item = _item(where, row, places)
            short[part_of(item.id, str(row.get("date", "")))].append(item)
    for where, row in read_rows(directory / "longform-train.jsonl", required=False):
        item = _item(where, row, places)
        long["test" if item.id.startswith(LONGFORM_TEST_PREFIX) else "train"].append(item)
    return Dataset(topics, short, long)


def part_of(item_id: str, date: str) -> Part:
    """Which part an item belongs to: by its day, and by a hash of its id before TEST_FROM."""
    if date >= TEST_FROM:
        return "test"
    return "development" if zlib.crc32(item_id.encode()) % DEVELOPMENT_ONE_IN == 0 else "train"


def read_topics(path: Path) -> list[str]:
    """Topic codes in the order of the topic head."""
    return list(read_topic_names(path))


def read_topic_names(path: Path) -> dict[str, str]:
    """Topic code -> name, in the order of the file, a JSON array of {code, name}. Raises TrainingError."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(entry["code"]): str(entry["name"]) for entry in entries}
    except FileNotFoundError as error:
        raise TrainingError(f"{path} is missing: name the directory of the labelled items with --data") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} must be a JSON array of objects with code and name") from error


def read_rows(path: Path, *, required: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file:line", row) for every line of a JSONL file; nothing when an optional file is absent."""
    if not path.exists():
        if required:
            raise TrainingError(f"{path} is missing: name the directory of the labelled items with --data")
        return
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            where = f"{path.name}:{number}"
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise TrainingError(f"{where} is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise TrainingError(f"{where} is not a JSON object")
            yield where, row


def short_examples(
    items: Iterable[Item], tokenizer: Tokenizer, *, window_tokens: int, window_stride: int
) -> list[Example]:
    """One example for each short item: its first window (hardly any has a second)."""
    examples = []
    for item in items:
        windows = read_windows(
            item.title, item.text, tokenizer, window_tokens=window_tokens, window_stride=window_stride
        )
        examples.append(Example(tuple(windows[0]), item.level, item.direction, item.topics))
    return examples


def long_examples(
    items: Iterable[Item], tokenizer: Tokenizer, *, window_tokens: int, window_stride: int
) -> list[Example]:
    """The windows of long articles, each with the level its current paragraphs report.

    Background and figurative paragraphs count as level 0: what they describe is not happening now. Direction
    and topics are those of the article and are taught only by windows that report the article's level.
    """
    examples = []
    for item in items:
        head = tokenizer.encode(close_title(item.title), add_special_tokens=False)[:TITLE_TOKENS]
        body: list[int] = []
        spans: list[tuple[int, int, int]] = []
        for paragraph in item.paragraphs:
            ids = tokenizer.encode(" ".join(paragraph.text.split()), add_special_tokens=False)
            spans.append((len(body), len(body) + len(ids), paragraph.level))
            body.extend(ids)
        for start in window_starts(len(body), window_tokens, window_stride):
            end = min(start + window_tokens, len(body))
            level = _reported_level(spans, start, end)
            full = level == item.level
            if not full and zlib.crc32(f"{item.id}/{start}".encode()) % LOWER_WINDOW_ONE_IN:
                continue
            examples.append(
                Example(
                    ids=tuple(_wrap(head + body[start:end], tokenizer)),
                    level=level,
                    direction=item.direction,
                    topics=item.topics,
                    other_weight=1.0 if full else 0.0,
                )
            )
    return examples


def long_text(item: Item) -> str:
    """The text of a long article as a reader would get it."""
    return "\n\n".join(paragraph.text for paragraph in item.paragraphs) or item.text


def _reported_level(spans: Sequence[tuple[int, int, int]], start: int, end: int) -> int:
    levels = [0]
    for begin, stop, level in spans:
        inside = min(stop, end) - max(begin, start)
        if inside >= min(REPORTING_TOKENS, stop - begin):
            levels.append(level)
    return max(levels)


def _wrap(ids: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    first = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    last = [] if tokenizer.sep_token_id is None else [tokenizer.sep_token_id]
    return [*first, *ids, *last]


def _item(where: str, row: dict[str, Any], places: dict[str, int]) -> Item:
    try:
        level = int(row["level"])
        direction = _DIRECTION_PLACES[row["direction"]]
        topics = tuple(sorted({places[code] for code in row["topics"]}))
        paragraphs = tuple(
            Paragraph(str(entry["text"]), _level(entry["level"]) if entry["role"] == "current" else 0)
            for entry in row.get("paragraphs", ())
        )
        text = str(row["text"]) if "text" in row else "\n\n".join(entry.text for entry in paragraphs)
        return Item(
            id=str(row["id"]),
            language=str(row.get("language", "en")),
            title=str(row.get("title") or ""),
            text=text,
            level=_level(level),
            direction=direction,
            topics=topics,
            paragraphs=paragraphs,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise TrainingError(f"{where}: {_complaint(error)}") from error


def _level(value: Any) -> int:
    level = int(value)
    if not 0 <= level < LEVELS:
        raise ValueError(f"level {level} is not between 0 and {LEVELS - 1}")
    return level


def _complaint(error: Exception) -> str:
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)
