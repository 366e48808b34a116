"""How `tocsin classify` flows: order, bad lines, batches, bounded memory, unusable models and files."""

import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tocsin_classify.classify_batch import Classifier
from tocsin_classify.command import _batches, _classify_lines, _Progress, _read_ahead, classify
from tocsin_classify.load_classifier import load_classifier
from tocsin_contracts.classified import ClassifiedV1

pytestmark = pytest.mark.unit

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-model"


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    loaded = load_classifier(TINY, threads=1)
    yield loaded
    loaded.backend.close()


def run(classifier: Classifier, lines: bytes, batch_size: int = 4) -> tuple[int, list[dict[str, Any]]]:
    output = io.StringIO()
    failed = _classify_lines(io.BytesIO(lines), classifier, batch_size, output, _Progress())
    return failed, [json.loads(line) for line in output.getvalue().splitlines()]


def line(title: str) -> bytes:
    return json.dumps({"title": title}).encode() + b"\n"


def test_results_come_in_the_order_of_the_lines_over_many_batches(classifier: Classifier) -> None:
    failed, results = run(classifier, b"".join(line(f"war {number}") for number in range(23)))
    assert failed == 0
    assert [result["title"] for result in results] == [f"war {number}" for number in range(23)]
    for result in results:
        ClassifiedV1.model_validate(result)


def test_bad_lines_are_named_with_their_number_and_the_rest_goes_on(
    classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, results = run(classifier, line("war") + b"\nnope\n" + b'{"text": " "}\n' + line("football"))
    assert failed == 2
    assert [result["title"] for result in results] == ["war", "football"]
    said = capsys.readouterr()
    assert said.out == ""
    assert [text.split(":")[0] for text in said.err.splitlines()] == ["line 3", "line 4"]


def test_an_article_that_the_model_fails_on_is_named_and_the_rest_goes_on(
    classifier: Classifier, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, results = run(classifier, line("war") + line("unembeddable") + line("football"))
    assert failed == 1
    assert [result["title"] for result in results] == ["war", "football"]
    assert "line 2: the model failed" in capsys.readouterr().err


def test_an_empty_input_gives_nothing_and_is_no_failure(classifier: Classifier) -> None:
    assert run(classifier, b"") == (0, [])


def test_reading_ahead_stops_at_the_bound() -> None:
    taken = 0

    class Endless(io.RawIOBase):
        def readline(self, size: int | None = -1, /) -> bytes:
            nonlocal taken
            taken += 1
            return line("war")

    lines = _read_ahead(Endless(), 8)  # type: ignore[arg-type]
    first = next(iter(_batches(lines, 4)))
    assert [number for number, _ in first] == [1, 2, 3, 4]
    # Eight wait, four were taken, and one is in the reader's hand.
    assert taken <= 13


def test_a_line_that_trickles_in_is_not_held_back_for_a_full_batch() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb", 0) as writer:
        writer.write(line("war"))
        batches = iter(_batches(_read_ahead(reader, 100), 50))
        taken: list[Any] = []
        waiting = threading.Thread(target=lambda: taken.append(next(batches)))
        waiting.start()
        waiting.join(20)
        assert [number for number, _ in taken[0]] == [1]


def test_a_model_directory_that_is_none_ends_with_code_2_and_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    articles = tmp_path / "articles.jsonl"
    articles.write_bytes(line("war"))
    with pytest.raises(typer.Exit) as ended:
        classify(articles, model=str(tmp_path), batch_size=4)
    assert ended.value.exit_code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "lacks config.json" in said.err
    assert "--model" in said.err


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_read_ends_with_code_2(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        classify(tmp_path / name, model=str(TINY), batch_size=4)
    assert ended.value.exit_code == 2
    assert str(tmp_path) in capsys.readouterr().err
