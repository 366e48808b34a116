"""One JSON object, as people have them, becomes an article."""

import hashlib
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tocsin_contracts.article import ArticleV1
from tocsin_contracts.codec import describe_errors
from tocsin_contracts.fields import (
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    ContentHash,
    HttpUrl,
    Id,
    Language,
    Revision,
    Source,
)
from tocsin_contracts.ids import digest_id

UNKNOWN_SOURCE = Source(name="unknown")


class BadArticle(ValueError):
    """The line is no article; the text says why, for the person who wrote it."""


def _cut(limit: int) -> BeforeValidator:
    def cut(value: Any) -> Any:
        if value is None:
            return ""
        return value[:limit] if isinstance(value, str) else value

    return BeforeValidator(cut)


def _as_source(value: Any) -> Any:
    if value is None or value == "":
        return UNKNOWN_SOURCE
    return {"name": value} if isinstance(value, str) else value


def _as_language(value: Any) -> Any:
    """`pt-BR` is `pt`, and nothing is `und`."""
    if value is None or value == "":
        return "und"
    return value.replace("_", "-").partition("-")[0].lower() if isinstance(value, str) else value


def _as_text_id(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_moment(value: Any) -> Any:
    """A date is its midnight; a time without a zone is in UTC. Numbers are refused: seconds or milliseconds?"""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("not a date and time such as 2026-05-01T12:00:00Z") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    if value is None or isinstance(value, datetime):
        return value
    raise ValueError("not a text such as 2026-05-01T12:00:00Z")


Moment = Annotated[datetime | None, BeforeValidator(_as_moment)]


class _Given(BaseModel):
    """What may stand on a line. Other fields are left alone: people's files have them."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=False)

    title: Annotated[str, _cut(MAX_TITLE_CHARS)] = ""
    text: Annotated[str, _cut(MAX_TEXT_CHARS)] = ""
    id: Annotated[str | None, BeforeValidator(_as_text_id), Field(max_length=2_048)] = None
    article_id: Id | None = None
    revision: Revision = 1
    content_hash: ContentHash | None = None
    story_id: Id | None = None
    url: HttpUrl | None = None
    language: Annotated[Language, BeforeValidator(_as_language)] = "und"
    source: Annotated[Source, BeforeValidator(_as_source)] = UNKNOWN_SOURCE
    feed: Annotated[str | None, Field(max_length=200)] = None
    published_at: Moment = None
    fetched_at: Moment = None


def read_article(line: bytes, now: datetime) -> ArticleV1:
    """Return the article on one line of JSON.

    Only title or text is needed. A title or text past ArticleV1's bounds is cut, since a model reads the beginning
    anyway; every other value that does not fit is refused, because to guess would be to change what it says. What is
    missing is derived: the id from `id`, else the URL, else the content; the story from the content; `fetched_at`
    is `now`. Raises BadArticle.
    """
    try:
        given = _Given.model_validate_json(line)
    except ValidationError as error:
        raise BadArticle(_explain(error)) from error
    if not given.title.strip() and not given.text.strip():
        raise BadArticle("title and text are empty: an article needs one of them")
    content_hash = given.content_hash or _hash_content(given.title, given.text)
    try:
        return ArticleV1(
            article_id=given.article_id or _derive_id(given, content_hash),
            revision=given.revision,
            content_hash=content_hash,
            story_id=given.story_id or digest_id("story", content_hash),
            url=given.url,
            title=given.title,
            text=given.text,
            language=given.language,
            source=given.source,
            feed=given.feed,
            published_at=given.published_at,
            fetched_at=given.fetched_at or now,
        )
    except (ValidationError, OverflowError) as error:
        raise BadArticle(describe_errors(error) if isinstance(error, ValidationError) else str(error)) from error


def _derive_id(given: _Given, content_hash: str) -> str:
    if given.id:
        return digest_id("id", given.source.name, given.id)
    if given.url:
        return digest_id("url", given.url)
    return digest_id("content", content_hash)


def _hash_content(title: str, text: str) -> str:
    content = " ".join(title.split()) + "\n" + " ".join(text.split())
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return f"not JSON ({first['msg'].removeprefix('Invalid JSON: ')})"
    if not first["loc"]:
        return "not a JSON object; each line must be one object with a title or a text"
    return describe_errors(error)
