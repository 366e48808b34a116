"""What `tocsin classify` accepts as a line, and what it says about others."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_classify.read_article import BadArticle, read_article
from tocsin_classify.read_lines import MAX_LINE_BYTES, read_lines
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.codec import encode
from tocsin_contracts.fields import MAX_TEXT_CHARS, MAX_TITLE_CHARS

pytestmark = pytest.mark.unit

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def read(**fields: Any) -> ArticleV1:
    return read_article(json.dumps(fields).encode(), NOW)


def test_a_title_alone_is_an_article() -> None:
    article = read(title="Talks resume")
    assert (article.title, article.text, article.language) == ("Talks resume", "", "und")
    assert (article.source.name, article.source.domain) == ("unknown", None)
    assert (article.published_at, article.fetched_at, article.revision) == (None, NOW, 1)


def test_ids_depend_on_what_is_given_and_on_nothing_else() -> None:
    by_id = [read(title=title, id=7, url="https://a.example/1").article_id for title in "ab"]
    by_url = [read(title=title, url="https://a.example/1").article_id for title in "ab"]
    by_content = [read(title=title).article_id for title in "aab"]
    assert by_id[0] == by_id[1]
    assert by_url[0] == by_url[1]
    assert by_content[0] == by_content[1] != by_content[2]
    assert len({by_id[0], by_url[0], by_content[0]}) == 3
    assert read(title="a", id="7").article_id == read(title="b", id=7).article_id
    assert read(title="a", id=7, source="X").article_id != read(title="a", id=7, source="Y").article_id


def test_an_article_from_the_stream_goes_through_unchanged() -> None:
    article = read(title="T", text="X", url="https://a.example/1", source={"name": "S", "domain": "s.example"})
    later = datetime(2027, 1, 1, tzinfo=UTC)
    assert read_article(encode(article), later) == article


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-04-01T10:00:00Z", datetime(2026, 4, 1, 10, tzinfo=UTC)),
        ("2026-04-01T10:00:00+02:00", datetime(2026, 4, 1, 8, tzinfo=UTC)),
        ("2026-04-01 10:00", datetime(2026, 4, 1, 10, tzinfo=UTC)),
        ("2026-04-01", datetime(2026, 4, 1, tzinfo=UTC)),
        (None, None),
    ],
)
def test_times_are_read_as_people_write_them(given: str | None, expected: datetime | None) -> None:
    assert read(title="x", published_at=given).published_at == expected


@pytest.mark.parametrize(
    ("given", "expected"), [("pt-BR", "pt"), ("EN", "en"), ("zh_Hant", "zh"), (None, "und"), ("", "und")]
)
def test_a_language_tag_is_cut_to_its_language(given: str | None, expected: str) -> None:
    assert read(title="x", language=given).language == expected


def test_title_and_text_past_their_bounds_are_cut() -> None:
    article = read(title="t" * (MAX_TITLE_CHARS + 1), text="x" * (MAX_TEXT_CHARS + 1))
    assert (len(article.title), len(article.text)) == (MAX_TITLE_CHARS, MAX_TEXT_CHARS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nope", "not JSON"),
        (b'{"title": "cut', "not JSON"),
        (b'{"title": "\xff"}', "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"{}", "title and text are empty"),
        (b'{"title": " ", "text": "\\n\\t"}', "title and text are empty"),
        (b'{"title": null}', "title and text are empty"),
        (b'{"title": 5}', "title"),
        (b'{"title": "x", "url": "javascript:alert(1)"}', "url"),
        (b'{"title": "x", "published_at": "yesterday"}', "published_at"),
        (b'{"title": "x", "published_at": 1777629600}', "published_at"),
        (b'{"title": "x", "published_at": "0001-01-01T00:00:00+14:00"}', "range"),
        (b'{"title": "x", "language": "klingon"}', "language"),
        (b'{"title": "x", "source": {"name": ""}}', "source.name"),
        (b'{"title": "x", "source": 5}', "source"),
        (b'{"title": "x", "article_id": "zz"}', "article_id"),
        (b'{"title": "x", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
    ],
)
def test_a_bad_line_is_refused_with_the_reason(line: bytes, message: str) -> None:
    with pytest.raises(BadArticle, match=message) as refused:
        read_article(line, NOW)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_do_more_than_to_be_refused(line: bytes) -> None:
    with pytest.raises(BadArticle):
        read_article(line, NOW)


def test_lines_are_numbered_and_blank_ones_left_out() -> None:
    stream = io.BytesIO(b"\xef\xbb\xbfa\r\n\n  \nb\nc")
    assert list(read_lines(stream)) == [(1, b"a"), (4, b"b"), (5, b"c")]


def test_a_line_that_is_too_long_is_skipped_without_being_held() -> None:
    stream = io.BytesIO(b"a\n" + b"x" * (3 * MAX_LINE_BYTES) + b"\nb\n" + b"y" * (MAX_LINE_BYTES + 1))
    assert list(read_lines(stream)) == [(1, b"a"), (2, None), (3, b"b"), (4, None)]


def test_a_line_of_just_the_bound_is_read() -> None:
    line = b"x" * MAX_LINE_BYTES
    assert list(read_lines(io.BytesIO(line + b"\n" + line))) == [(1, line), (2, line)]
