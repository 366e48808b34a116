"""Markup becomes what a reader would see, in linear time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin_ingest.html_to_text import html_to_text, looks_like_html

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("a<br>b", "a\nb"),
        ("a <b>bold</b> word", "a bold word"),
        ("fish &amp; chips &#8211; &eacute;", "fish & chips – é"),
        ("x<script>alert('<p>')</script>y", "x\ny"),
        ("x<STYLE>p{}</Style >y", "x\ny"),
        ("x<!-- <p>hidden</p> -->y", "xy"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("&lt;p&gt; is a tag", "<p> is a tag"),
        ("<![CDATA[kept]]>", "kept"),
        ("<img src=x onerror=alert(1)>seen", "seen"),
        ("cut off <a href='x", "cut off "),
        ("a<script>never closed", "a\n"),
        ("<?php echo 1 ?>b", "b"),
    ],
)
def test_text_is_what_a_reader_sees(markup: str, text: str) -> None:
    assert html_to_text(markup).strip("\n") == text.strip("\n")


@pytest.mark.parametrize(
    ("text", "is_html"), [("a < b and c > d", False), ("<p>x", True), ("x<br/>y", True), ("", False)]
)
def test_only_known_tags_make_a_text_html(text: str, is_html: bool) -> None:
    assert looks_like_html(text) is is_html


@pytest.mark.parametrize("piece", ["<", "<a", "<!--", "<script>", "</", "<a <", "&", "<![CDATA[", "<style", "<p '"])
def test_hostile_markup_takes_no_longer_than_its_length(piece: str) -> None:
    markup = piece * (800_000 // len(piece))
    started = time.process_time()
    looks_like_html(markup)
    html_to_text(markup)
    assert time.process_time() - started < 3.0


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/!-&;ap script\"'=", max_size=80))
def test_no_script_survives_and_nothing_breaks(markup: str) -> None:
    assert "<script>" not in html_to_text(markup.replace("&", ""))
