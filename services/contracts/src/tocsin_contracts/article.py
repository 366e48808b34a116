"""ArticleV1: an article as ingest accepted it."""

from pydantic import Field, model_validator

from tocsin_contracts.fields import (
    MAX_TEXT_CHARS,
    MAX_TITLE_CHARS,
    ContentHash,
    HttpUrl,
    Id,
    Language,
    Message,
    Revision,
    Source,
    Utc,
)


class ArticleV1(Message):
    """One revision of one article.

    `article_id` is a function of the canonical URL (or of source and guid), so that an edited article keeps its id
    and raises its revision. `story_id` is shared by near-identical texts, such as one agency report in many papers.
    """

    article_id: Id
    revision: Revision
    content_hash: ContentHash
    story_id: Id
    url: HttpUrl | None = None
    title: str = Field(default="", max_length=MAX_TITLE_CHARS)
    text: str = Field(default="", max_length=MAX_TEXT_CHARS)
    language: Language = "und"
    source: Source
    feed: str | None = Field(default=None, max_length=200)
    published_at: Utc | None = None
    fetched_at: Utc

    @model_validator(mode="after")
    def _says_something(self) -> "ArticleV1":
        if not self.title.strip() and not self.text.strip():
            raise ValueError("an article needs a title or a text")
        return self
