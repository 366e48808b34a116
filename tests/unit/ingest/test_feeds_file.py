"""The operator's feeds file: what is accepted, and errors that name file, line and field."""

from pathlib import Path

import pytest

from tocsin_ingest.feeds_file import FeedsFileError, parse_feeds, read_feeds_file

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[3] / "deploy" / "feeds"


def test_the_examples_in_the_repository_are_valid() -> None:
    files = sorted(EXAMPLES.glob("*.yaml"))
    assert files
    for file in files:
        assert read_feeds_file(file)


def test_a_list_of_feeds_is_read_with_its_defaults() -> None:
    text = """
- name: osk
  url: https://osk.example/feed.xml
- name: dam
  url: http://127.0.0.1:8000/feed.json
  interval: 90s
  source: Dam Herald
  language: de
  robots: false
- {name: idle, url: "https://off.example/", enabled: false}
"""
    first, second = parse_feeds(text, "f.yaml")
    assert (first.name, first.interval, first.source, first.robots) == ("osk", 300.0, None, True)
    assert (second.interval, second.language, second.robots) == (90.0, "de", False)
    assert second.source is not None
    assert second.source.name == "Dam Herald"
    assert second.host == "127.0.0.1"


def test_the_list_may_stand_under_feeds() -> None:
    text = "feeds:\n  - name: osk\n    url: https://osk.example/\n    source: {name: Osk, domain: osk.example}\n"
    assert parse_feeds(text, "f.yaml")[0].source_domain == "osk.example"


@pytest.mark.parametrize("text", ["", "[]", "feeds: []"])
def test_no_feeds_are_no_error(text: str) -> None:
    assert parse_feeds(text, "f.yaml") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- name: a\n  url: ftp://x.example/\n", "f.yaml:2: url: "),
        ("- name: a\n  url: https://x.example/\n  intervall: 5m\n", "f.yaml:3: intervall: "),
        ("- name: a\n  url: https://x.example/\n  interval: soon\n", "f.yaml:3: interval: "),
        ("- name: a\n  url: https://x.example/\n  interval: 0.1\n", "f.yaml:3: interval: "),
        (
            "- name: a\n  url: https://x.example/\n  source:\n    name: A\n    domain: 'a b'\n",
            "f.yaml:5: source.domain: ",
        ),
        ("- name: a\n", "f.yaml:1: url: "),
        ("- just text\n", "f.yaml:1: "),
        ("- name: a\n  url: https://x.example/\n- name: a\n  url: https://y.example/\n", "f.yaml:3: name: the same"),
        ("- name: a\n  url: https://x.example/\n- name: b\n  url: https://x.example/\n", "f.yaml:3: url: the same"),
        ("name: [unclosed\n", "f.yaml:2: "),
        ("a: 1\n", "f.yaml:1: expected a list"),
        ("!!python/object/apply:os.system ['true']", "f.yaml:1: "),
        ("[" * 1_000, "f.yaml: nested too deeply"),
    ],
)
def test_an_error_names_file_line_and_field(text: str, message: str) -> None:
    with pytest.raises(FeedsFileError) as caught:
        parse_feeds(text, "f.yaml")
    assert str(caught.value).startswith(message)


def test_every_wrong_feed_is_reported_at_once() -> None:
    text = "- name: a\n  url: x\n- name: b\n  url: y\n"
    with pytest.raises(FeedsFileError) as caught:
        parse_feeds(text, "f.yaml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FeedsFileError, match=r"none\.yaml"):
        read_feeds_file(tmp_path / "none.yaml")
