"""Articles leave normalisation clean and within the contract's bounds, or not at all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_contracts.fields import MAX_TEXT_CHARS, MAX_TITLE_CHARS
from tocsin_ingest.normalise_article import (
    CleanArticle,
    clean_domain,
    clean_language,
    clean_line,
    clean_text,
    cut,
    normalise_article,
    sane_date,
)
from tocsin_ingest.raw_article import RawArticle, Refused

pytestmark = pytest.mark.unit

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_markup_spaces_and_controls_are_removed(make_raw: Callable[..., RawArticle]) -> None:
    raw = make_raw(title=" Two\n words\x00 ", text="<p>One\u202e two</p>\r\n\r\n\r\n<p>three\u00a0 four</p>")
    clean = normalise_article(raw, NOW)
    assert isinstance(clean, CleanArticle)
    assert clean.title == "Two words"
    assert clean.text == "One two\n\nthree four"


@pytest.mark.parametrize(("title", "text"), [("", ""), (" \t", "\n"), ("<p></p>", "<br>"), ("\u200b", "\x00\x01")])
def test_an_article_with_nothing_to_read_is_refused(make_raw: Callable[..., RawArticle], title: str, text: str) -> None:
    refused = normalise_article(make_raw(title=title, text=text, payload=b"raw"), NOW)
    assert refused == Refused("empty-article", "title, text: both are empty", b"raw", "push")


def test_what_is_too_long_is_cut_at_a_word(make_raw: Callable[..., RawArticle]) -> None:
    clean = normalise_article(make_raw(title="word " * 1_000, text="word " * 100_000), NOW)
    assert isinstance(clean, CleanArticle)
    assert MAX_TITLE_CHARS - 10 < len(clean.title) <= MAX_TITLE_CHARS
    assert clean.title.endswith("word")
    assert MAX_TEXT_CHARS - 10 < len(clean.text) <= MAX_TEXT_CHARS


def test_a_text_without_spaces_is_cut_where_the_bound_is() -> None:
    assert cut("字" * 50, 20) == "字" * 20


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (None, None),
        (NOW - timedelta(days=1), NOW - timedelta(days=1)),
        (NOW + timedelta(minutes=59), NOW + timedelta(minutes=59)),
        (NOW + timedelta(minutes=61), None),
        (datetime(1970, 1, 1, tzinfo=UTC), None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), None),
        (datetime(2026, 5, 4, 9, 0), datetime(2026, 5, 4, 9, 0, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2026, 5, 4, 9, 0, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 5, 4, 7, 0, tzinfo=UTC)),
    ],
)
def test_a_date_is_kept_only_when_it_can_be_true(moment: datetime | None, kept: datetime | None) -> None:
    assert sane_date(moment, NOW) == kept


def test_an_article_without_a_usable_address_is_still_news(make_raw: Callable[..., RawArticle]) -> None:
    clean = normalise_article(make_raw(url="javascript:alert(1)", source_name=""), NOW)
    assert isinstance(clean, CleanArticle)
    assert clean.url is None
    assert clean.source.name == "unknown"


def test_the_domain_comes_from_the_address_when_nobody_names_one(make_raw: Callable[..., RawArticle]) -> None:
    clean = normalise_article(make_raw(url="https://www.Valley.example/x"), NOW)
    assert isinstance(clean, CleanArticle)
    assert clean.source.domain == "valley.example"


def test_tags_are_reduced_to_languages_and_domains_to_hosts() -> None:
    assert [clean_language(tag) for tag in ("en", "pt-BR", "zh_Hant", "x", "und", None, "english!")] == [
        "en", "pt", "zh", None, None, None, None,
    ]  # fmt: skip
    assert [clean_domain(name) for name in ("WWW.A.example.", "a b", None, "-a", "x" * 254)] == [
        "a.example", None, None, None, None,
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text, 200)
    assert clean_text(once, 200) == once
    assert len(once) <= 200
    line = clean_line(text, 50)
    assert clean_line(line, 50) == line
    assert "\n" not in line
    once.encode()
