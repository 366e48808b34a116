"""Reads the operator's list of feeds. An error names the file, the line and the field."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from tocsin_contracts.fields import Language, Source
from tocsin_contracts.ids import digest_id
from tocsin_ingest.canonical_url import BadUrl, canonical_url, host_of
from tocsin_ingest.normalise_article import clean_domain

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
MAX_FEEDS: Final = 10_000

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*([smhd])$")


class FeedsFileError(ValueError):
    """The file cannot be used. Each line of the text is one problem, with file, line and field."""


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if match is None:
            raise ValueError("a duration reads 30s, 5m, 2h or 1d")
        return float(match.group(1)) * _UNITS[match.group(2)]
    return value


def _source(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class Feed(BaseModel):
    """One feed. `interval` in seconds (or `5m`); `source` may be just a name, without it the feed's title is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    url: str
    interval: Annotated[float, BeforeValidator(_seconds), Field(ge=1, le=7 * 86_400)] = 300.0
    source: Annotated[Source | None, BeforeValidator(_source)] = None
    language: Language | None = None
    robots: bool = True
    enabled: bool = True

    @field_validator("url")
    @classmethod
    def _http_only(cls, url: str) -> str:
        try:
            canonical_url(url)
        except BadUrl as error:
            raise ValueError(f"not an address to fetch: {error}") from error
        return url.strip()

    @property
    def key(self) -> str:
        """Return the feed's id in Redis: a function of its address, so that a renamed feed goes on where it was."""
        return digest_id("feed", self.url)

    @property
    def host(self) -> str:
        """Return the host that the feed is fetched from."""
        return host_of(canonical_url(self.url))

    @property
    def source_domain(self) -> str | None:
        """Return the publisher's domain as configured; None: it is taken from each article's address."""
        return clean_domain(self.source.domain) if self.source else None


def read_feeds_file(path: Path) -> list[Feed]:
    """Return the enabled feeds of a YAML list (or of a mapping with the one key `feeds`). Raises FeedsFileError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise FeedsFileError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FeedsFileError(f"{path}: {error}") from error
    return parse_feeds(text, str(path))


def parse_feeds(text: str, file: str) -> list[Feed]:
    """Return the enabled feeds in `text`; `file` is what errors call it. Raises FeedsFileError."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        raise FeedsFileError(f"{where}: {getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise FeedsFileError(f"{file}: nested too deeply") from error
    if isinstance(value, dict) and set(value) == {"feeds"} and isinstance(node, yaml.MappingNode):
        node, value = node.value[0][1], value["feeds"]
    if value is None:
        return []
    if not isinstance(value, list) or not isinstance(node, yaml.SequenceNode):
        raise FeedsFileError(f"{file}:1: expected a list of feeds, each with `name` and `url`")
    if len(value) > MAX_FEEDS:
        raise FeedsFileError(f"{file}: more than {MAX_FEEDS} feeds")
    return _validated(value, node, file)


def _validated(values: list[Any], node: yaml.SequenceNode, file: str) -> list[Feed]:
    problems: list[str] = []
    feeds: list[Feed] = []
    lines: dict[str, int] = {}
    for value, item in zip(values, node.value, strict=True):
        try:
            feed = Feed.model_validate(value)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                field = ".".join(str(step) for step in problem["loc"])
                line = _line_of(item, problem["loc"])
                problems.append(f"{file}:{line}: {field + ': ' if field else ''}{problem['msg']}")
            continue
        line = item.start_mark.line + 1
        for field, given in (("name", feed.name), ("url", feed.url)):
            first = lines.setdefault(f"{field} {given}", line)
            if first != line:
                problems.append(f"{file}:{line}: {field}: the same as in line {first}")
        feeds.append(feed)
    if problems:
        raise FeedsFileError("\n".join(problems))
    return [feed for feed in feeds if feed.enabled]


def _line_of(node: yaml.Node, location: tuple[int | str, ...]) -> int:
    for step in location:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == step:
                if isinstance(value, yaml.ScalarNode):
                    return int(key.start_mark.line) + 1
                node = value
                break
        else:
            break
    return int(node.start_mark.line) + 1
