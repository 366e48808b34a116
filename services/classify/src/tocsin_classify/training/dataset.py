"""Labelled news items and articles, split by time, cut into the windows the model will read.

What a file holds is said by its name, in any of the data directories:

`labelled-*.jsonl`, short items, one JSON object a line: id, date (YYYY-MM-DD; without one it is invented), title or
null, text, level 0-5, direction, topics (codes), and language where it is not English. A translation carries the id
and date of its original, so that both always fall into the same part.

`labels-*.jsonl`, the same without title and text, which `events-*.jsonl.gz` holds under the same id.

`longform-*.jsonl`, articles: id, title, level, direction, topics, paragraphs [{text, level, role}]; only paragraphs
of role `current` say what is happening now.

`boilerplate*.jsonl`, texts that are no news: id, language, text.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin_classify.model_directory import LEVELS, Direction
from tocsin_classify.read_windows import TITLE_TOKENS, Tokenizer, close_title, read_windows, window_starts
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import LONGFORM_TEST_PREFIX, TEST_FROM, Part, part_of

DIRECTIONS: tuple[Direction, ...] = ("escalating", "unchanged", "de-escalating")
_DIRECTION_PLACES = {direction: place for place, direction in enumerate(DIRECTIONS)}

# Windows that report less than their article does carry its title all the same, so what they should say is
# unsure; one in so many is enough to learn that the text decides.
LOWER_WINDOW_ONE_IN = 3
# Tokens of a current paragraph a window must hold to report its level.
REPORTING_TOKENS = 24


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
    news: bool = True


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a long article and the level it reports as current (0 unless its role is current)."""

    text: str
    level: int


@dataclass(frozen=True)
class Example:
    """One window with its labels.

    `other_weight` 0 teaches the level alone, not direction and topics. `spans` are (first token, token after the
    last, level) of the paragraphs in the window. A text that is no news teaches nothing but that.
    """

    ids: tuple[int, ...]
    level: int
    direction: int
    topics: tuple[int, ...]
    other_weight: float = 1.0
    spans: tuple[tuple[int, int, int], ...] = ()
    news: bool = True


@dataclass(frozen=True)
class Dataset:
    """What the data directory held, by part."""

    topics: list[str]
    short: dict[Part, list[Item]]
    long: dict[Part, list[Item]]


def read_dataset(directories: Sequence[Path], test_from: str = TEST_FROM) -> Dataset:
    """Reads all files of the kinds above; one directory must hold topics.json, and one some short items.

    Items dated `test_from` (YYYY-MM-DD) or later are the test part.

    Raises TrainingError naming file, line and field of what cannot be used.
    """
    topics = read_topics(directories)
    places = {code: place for place, code in enumerate(topics)}
    short: dict[Part, list[Item]] = {"train": [], "development": [], "test": []}
    long: dict[Part, list[Item]] = {"train": [], "development": [], "test": []}
    for where, row in read_short_rows(directories):
        item = _item(where, row, places)
        short[part_of(item.id, str(row.get("date") or ""), test_from)].append(item)
    for path in files_of(directories, "boilerplate*.jsonl"):
        for where, row in read_rows(path):
            item = _boilerplate(where, row)
            short[part_of(item.id, "")].append(item)
    for path in files_of(directories, "longform-*.jsonl"):
        for where, row in read_rows(path):
            item = _item(where, row, places)
            long["test" if item.id.startswith(LONGFORM_TEST_PREFIX) else "train"].append(item)
    if not short["train"]:
        raise TrainingError(
            f"no labelled-*.jsonl with items from before {test_from} in {_listed(directories)}: "
            "name the directory of the labelled items with --data"
        )
    return Dataset(topics, short, long)


def files_of(directories: Sequence[Path], pattern: str) -> list[Path]:
    """The files of one kind, in the order of the directories and of their names."""
    return [path for directory in directories for path in sorted(directory.glob(pattern))]


def read_short_rows(directories: Sequence[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file:line", row) of every short item, those labelled by id with their texts."""
    for path in files_of(directories, "labelled-*.jsonl"):
        yield from read_rows(path)
    labels = {
        str(row.get("id")): (where, row)
        for path in files_of(directories, "labels-*.jsonl")
        for where, row in read_rows(path)
    }
    for path in files_of(directories, "events-*.jsonl.gz") if labels else ():
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                event = json.loads(line)
                if event["id"] in labels:
                    where, row = labels.pop(event["id"])
                    yield where, {**event, **row}
    if labels:
        where, row = next(iter(labels.values()))
        raise TrainingError(f"{where}: no events-*.jsonl.gz in {_listed(directories)} holds the text of {row['id']}")


def read_topics(directories: Sequence[Path]) -> list[str]:
    """Topic codes in the order of the topic head."""
    return list(read_topic_names(directories))


def read_topic_names(directories: Sequence[Path]) -> dict[str, str]:
    """Topic code -> name, in the order of topics.json, a JSON array of {code, name}. Raises TrainingError."""
    found = files_of(directories, "topics.json")
    if not found:
        raise TrainingError(
            f"no topics.json in {_listed(directories)}: name the directory of the labelled items with --data"
        )
    try:
        entries = json.loads(found[0].read_text(encoding="utf-8"))
        return {str(entry["code"]): str(entry["name"]) for entry in entries}
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise TrainingError(f"{found[0]} must be a JSON array of objects with code and name") from error


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file:line", row) for every line of a JSONL file. Raises TrainingError."""
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


def _listed(directories: Sequence[Path]) -> str:
    return ", ".join(str(directory) for directory in directories)


def repeat_languages(items: Sequence[Item], times: int) -> list[Item]:
    """The items, those in other languages than English so many times: they are few, and have most to learn."""
    return [item for item in items for _ in range(1 if item.language == "en" else times)]


def short_examples(
    items: Iterable[Item], tokenizer: Tokenizer, *, window_tokens: int, window_stride: int
) -> list[Example]:
    """One example for each short item: its first window (hardly any has a second)."""
    examples = []
    for item in items:
        windows = read_windows(
            item.title, item.text, tokenizer, window_tokens=window_tokens, window_stride=window_stride
        )
        examples.append(Example(tuple(windows[0]), item.level, item.direction, item.topics, news=item.news))
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
                    spans=_spans_inside(spans, start, end, shift=len(_wrap(head, tokenizer)) - len(_last(tokenizer))),
                )
            )
    return examples


def long_text(item: Item) -> str:
    """The text of a long article as a reader would get it."""
    return "\n\n".join(paragraph.text for paragraph in item.paragraphs) or item.text


def _reported_level(spans: Sequence[tuple[int, int, int]], start: int, end: int) -> int:
    return max((level for _, _, level in _spans_inside(spans, start, end, shift=0)), default=0)


def _spans_inside(
    spans: Sequence[tuple[int, int, int]], start: int, end: int, *, shift: int
) -> tuple[tuple[int, int, int], ...]:
    """The paragraphs of which enough lies between two tokens, placed from the first of these plus `shift`."""
    inside = ((max(begin, start), min(stop, end), stop - begin, level) for begin, stop, level in spans)
    return tuple(
        (begin - start + shift, stop - start + shift, level)
        for begin, stop, length, level in inside
        if length > 0 and stop - begin >= min(REPORTING_TOKENS, length)
    )


def _wrap(ids: Sequence[int], tokenizer: Tokenizer) -> list[int]:
    first = [] if tokenizer.cls_token_id is None else [tokenizer.cls_token_id]
    return [*first, *ids, *_last(tokenizer)]


def _last(tokenizer: Tokenizer) -> list[int]:
    return [] if tokenizer.sep_token_id is None else [tokenizer.sep_token_id]


def _item(where: str, row: dict[str, Any], places: dict[str, int]) -> Item:
    try:
        level = int(row["level"])
        direction = _DIRECTION_PLACES[row["direction"]]
        topics = tuple(sorted({places[code] for code in row["topics"]}))
        paragraphs = tuple(
            Paragraph(str(entry["text"]), _level(entry["level"]) if entry["role"] == "current" else 0)
            for entry in row.get("paragraphs", ())
        )
        text = str(row["text"] or "") if "text" in row else "\n\n".join(entry.text for entry in paragraphs)
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


def _boilerplate(where: str, row: dict[str, Any]) -> Item:
    try:
        return Item(
            id=str(row["id"]),
            language=str(row["language"]),
            title="",
            text=str(row["text"]),
            level=0,
            direction=_DIRECTION_PLACES["unchanged"],
            topics=(),
            news=False,
        )
    except KeyError as error:
        raise TrainingError(f"{where}: {_complaint(error)}") from error


def _level(value: Any) -> int:
    level = int(value)
    if not 0 <= level < LEVELS:
        raise ValueError(f"level {level} is not between 0 and {LEVELS - 1}")
    return level


def _complaint(error: Exception) -> str:
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)
