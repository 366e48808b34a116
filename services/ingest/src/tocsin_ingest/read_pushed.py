"""Reads pushed JSON (an object, an array or NDJSON) into articles. An error names the item and the field."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeVar

import pydantic_core
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from tocsin_contracts.fields import MAX_URL_CHARS
from tocsin_ingest.canonical_url import BadUrl, canonical_url, host_of
from tocsin_ingest.normalise_article import clean_domain, clean_language
from tocsin_ingest.raw_article import RawArticle

MAX_PUSHED_TITLE_CHARS: Final = 10_000
MAX_PUSHED_TEXT_CHARS: Final = 1_000_000
MAX_ERRORS: Final = 20


class PushedSource(BaseModel):
    """The publisher: a name, and the domain that tells it from others of the same name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    domain: str | None = Field(default=None, max_length=253)

    @field_validator("domain")
    @classmethod
    def _is_domain(cls, domain: str | None) -> str | None:
        if domain is not None and clean_domain(domain) is None:
            raise ValueError("no domain name, such as example.org")
        return domain


def _as_source(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class PushedArticle(BaseModel):
    """An article as a client sends it. It needs a title or a text, and an address or a source.

    Plain text and HTML are both taken. Titles are kept up to 1,000, texts up to 100,000 characters. A time without a
    zone is read as UTC. The article's identity is its `url`; without one its source and `guid`; else its content.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(default="", max_length=MAX_PUSHED_TITLE_CHARS)
    text: str = Field(default="", max_length=MAX_PUSHED_TEXT_CHARS)
    url: str | None = Field(default=None, max_length=MAX_URL_CHARS)
    guid: str | None = Field(default=None, min_length=1, max_length=2_048)
    source: Annotated[PushedSource | None, BeforeValidator(_as_source)] = Field(
        default=None, description="an object, or just the name"
    )
    published_at: datetime | None = None
    language: str | None = Field(default=None, max_length=100, description="ISO 639 code; detected when absent")
    feed: str | None = Field(default=None, min_length=1, max_length=200)

    @field_validator("url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                canonical_url(url)
            except BadUrl as error:
                raise ValueError(f"not the address of an article: {error}") from error
        return url

    @field_validator("language")
    @classmethod
    def _is_language(cls, language: str | None) -> str | None:
        if language is not None and language != "und" and clean_language(language) is None:
            raise ValueError("no language code, such as en or pt-BR")
        return language

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.title.strip() and not self.text.strip():
            raise ValueError("title, text: one of them is needed")
        return self

    @model_validator(mode="after")
    def _names_its_source(self) -> Self:
        if self.source is None and self.url is None:
            raise ValueError("source: needed where there is no url")
        return self


class FiledArticle(PushedArticle):
    """An article as a line of a file: unknown fields are ignored, `id` serves as guid, no source is needed."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    guid: Annotated[str | None, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)] = Field(
        default=None, max_length=2_048, validation_alias=AliasChoices("guid", "id")
    )

    @model_validator(mode="after")
    def _names_its_source(self) -> Self:
        # The file itself is a source to fall back on.
        return self


A = TypeVar("A", bound=PushedArticle)


@dataclass(frozen=True, slots=True)
class ItemError:
    """What is wrong with one item. `item` counts from 0; `field` is empty when the item as a whole is meant."""

    item: int
    field: str
    message: str


class NotJson(ValueError):
    """The bytes are no JSON. `item` is the NDJSON line's index among the items, 0 for a whole document."""

    def __init__(self, item: int, message: str) -> None:
        super().__init__(message)
        self.item = item


class InvalidItems(ValueError):
    """Some items do not fit; all of those (at most `MAX_ERRORS` errors) are named."""

    def __init__(self, errors: list[ItemError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


class TooManyItems(ValueError):
    """The request has more items than are taken at once."""


def read_json(body: bytes, max_items: int) -> list[Any]:
    """Return the items of JSON, an object or an array of them. Raises NotJson, TooManyItems, InvalidItems."""
    value = parse_json(body, 0)
    items = value if isinstance(value, list) else [value]
    return _counted(items, max_items)


def read_ndjson(body: bytes, max_items: int) -> list[Any]:
    """Return the items of newline-delimited JSON; blank lines are skipped. Raises as `read_json`."""
    items: list[Any] = []
    for line in _lines(body):
        items.append(parse_json(line, len(items)))
        if len(items) > max_items:
            break
    return _counted(items, max_items)


def parse_json(document: bytes, item: int) -> Any:
    """Return the value of one JSON document; deep nesting, NaN and broken UTF-8 are refused. Raises NotJson."""
    try:
        return pydantic_core.from_json(document, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise NotJson(item, f"not JSON: {error}") from error


def validate_items(items: list[Any]) -> list[PushedArticle]:
    """Return the items as articles. Raises InvalidItems."""
    articles: list[PushedArticle] = []
    errors: list[ItemError] = []
    for index, item in enumerate(items):
        try:
            articles.append(PushedArticle.model_validate(item))
        except ValidationError as error:
            errors.extend(_item_errors(index, error))
            if len(errors) >= MAX_ERRORS:
                break
    if errors:
        raise InvalidItems(errors[:MAX_ERRORS])
    return articles


def raw_article(article: PushedArticle, *, origin: str, payload: bytes, source_name: str | None = None) -> RawArticle:
    """Return the article as the pipeline takes it; `source_name` serves where it names no source."""
    domain = article.source.domain if article.source else None
    name = article.source.name if article.source else source_name
    if domain is None and article.url and not article.source:
        domain = host_of(canonical_url(article.url))
    return RawArticle(
        title=article.title,
        text=article.text,
        source_name=name or domain or "",
        source_domain=domain,
        url=article.url,
        guid=article.guid,
        published_at=article.published_at,
        language=article.language,
        feed=article.feed,
        origin=origin,
        payload=payload,
    )


def _item_errors(index: int, error: ValidationError) -> Iterator[ItemError]:
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        field, message = ".".join(str(step) for step in problem["loc"]), problem["msg"].removeprefix("Value error, ")
        if not field and ": " in message:
            field, message = message.split(": ", 1)
        yield ItemError(index, field, message)


def _counted(items: list[Any], max_items: int) -> list[Any]:
    if len(items) > max_items:
        raise TooManyItems(f"more than {max_items} articles in one request")
    if not items:
        raise InvalidItems([ItemError(0, "", "there is no article in the request")])
    return items


def _lines(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        start = end + 1
        if line:
            yield line
