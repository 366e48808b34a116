"""Canonical addresses: one spelling per page, never a different page."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_contracts.fields import MAX_URL_CHARS
from tocsin_ingest.canonical_url import BadUrl, canonical_url, url_identity

pytestmark = pytest.mark.unit

SCHEMES = st.sampled_from(["http", "https", "HTTP", "Https"])
HOSTS = st.sampled_from(["a.example", "News.Example", "ü.example", "10.0.0.1", "[::1]", "xn--tda.example"])
PORTS = st.sampled_from(["", ":80", ":443", ":8080"])
PIECES = st.text(alphabet="aB9é%2f&=?#/.+-_~ \t;:@日", max_size=30)


@pytest.mark.parametrize(
    ("given_url", "canonical"),
    [
        ("HTTPS://News.Example:443", "https://news.example/"),
        ("http://news.example:80/a", "http://news.example/a"),
        ("http://news.example:8080/a", "http://news.example:8080/a"),
        ("https://news.example/a#part", "https://news.example/a"),
        ("https://news.example/a?utm_source=x&id=7&fbclid=1&utm_medium=y", "https://news.example/a?id=7"),
        ("https://news.example/a?b=2&a=1", "https://news.example/a?b=2&a=1"),
        ("https://news.example/a?ref=3&eid=4&cid=5", "https://news.example/a?ref=3&eid=4&cid=5"),
        ("https://user:secret@news.example/a", "https://news.example/a"),
        ("https://news.example/x/../a/./b", "https://news.example/a/b"),
        ("https://news.example/%7euser/%c3%a9", "https://news.example/~user/%C3%A9"),
        ("https://news.example/é", "https://news.example/%C3%A9"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("  https://news.example/a b\n ", "https://news.example/a%20b"),
        ("https://news.example/100%", "https://news.example/100%25"),
        ("https://news.example./a", "https://news.example/a"),
    ],
)
def test_spellings_of_one_address_become_one(given_url: str, canonical: str) -> None:
    assert canonical_url(given_url) == canonical


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "news.example/a",
        "/a/b",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://news.example/a",
        "http://",
        "http://[::1",
        "http://news.example:99999/",
        "http://news..example/",
        "http://-news.example/",
        "http://news.example/" + "a" * MAX_URL_CHARS,
    ],
)
def test_what_is_no_web_address_is_refused(bad: str) -> None:
    with pytest.raises(BadUrl):
        canonical_url(bad)


def test_http_and_https_are_the_same_article() -> None:
    assert url_identity(canonical_url("http://a.example/x")) == url_identity(canonical_url("https://a.example/x"))


@settings(max_examples=200, deadline=None)
@given(SCHEMES, HOSTS, PORTS, PIECES, PIECES)
def test_a_canonical_address_stays_as_it_is_and_fits_the_contract(
    scheme: str, host: str, port: str, path: str, query: str
) -> None:
    try:
        canonical = canonical_url(f"{scheme}://{host}{port}/{path}?{query}")
    except BadUrl:
        return
    assert canonical_url(canonical) == canonical
    assert re.fullmatch(r"https?://[^\s]+", canonical)
    assert canonical.isascii()
    assert len(canonical) <= MAX_URL_CHARS


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_either_refused_or_made_canonical(text: str) -> None:
    try:
        canonical = canonical_url(text)
    except BadUrl:
        return
    assert canonical_url(canonical) == canonical


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["utm_source=a", "gclid=b", "fbclid=c", "utm_x=1"]), max_size=4), st.booleans())
def test_tracking_parameters_never_make_another_article(trackers: list[str], first: bool) -> None:
    own = ["id=7"]
    query = "&".join(trackers + own if first else own + trackers)
    assert canonical_url(f"https://a.example/x?{query}") == "https://a.example/x?id=7"
