"""`tocsin classify`: articles in, tagged articles out, as lines of JSON and without Kafka."""

import contextlib
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from tocsin_classify.classify_batch import Classifier
    from tocsin_contracts.article import ArticleV1

EXIT_PARTLY_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

GATHER_S = 0.2
"""How long a batch waits for more lines: input that trickles in is not held back for a full one."""


def classify(
    file: Annotated[Path, typer.Argument(help="File of JSON objects, one a line; - reads standard input.")],
    model: Annotated[
        str | None,
        typer.Option(
            help="Model directory, or with torch an id. Default: TOCSIN_CLASSIFY_MODEL, else the shipped one."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=1_000, help="Articles taken together.")] = 32,
    backend: Annotated[
        Literal["onnx", "torch"] | None,
        typer.Option(help="torch takes any Hugging Face model for classification. Default: TOCSIN_CLASSIFY_BACKEND."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="With torch: the file that says which levels the model's labels mean.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="With torch: where to compute. Default: auto.")
    ] = None,
    download: Annotated[
        bool | None, typer.Option("--download", help="With torch: fetch an id that is not in the local cache.")
    ] = None,
) -> None:
    """Tag articles with escalation level, direction, topics and places, without Kafka.

    Each line is a JSON object with at least "title" or "text"; "id", "url", "source", "published_at" and "language"
    are used where given. Each becomes one line of JSON on standard output, in the same order. A bad line is named on
    standard error, the rest goes on, and the exit code is 1.

    \b
    Examples:
      tocsin classify articles.jsonl > tagged.jsonl
      echo '{"title": "Air strikes kill 64 in Bolivia"}' | tocsin classify - | jq .escalation
      tocsin classify articles.jsonl --backend torch --model owner/name --download --labels labels.yaml
    """
    given = {
        "classify_model": model,
        "classify_backend": backend,
        "classify_labels": labels,
        "classify_device": device,
        "classify_download": download,
    }
    try:
        failed = _run(file, {name: value for name, value in given.items() if value is not None}, batch_size)
    except KeyboardInterrupt:
        _end_now(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has had enough, as `head` does.
        _end_now(0)
    if failed:
        raise typer.Exit(EXIT_PARTLY_FAILED)


def _run(file: Path, given: dict[str, object], batch_size: int) -> int:
    """Return how many lines were not classified."""
    with contextlib.ExitStack() as opened:
        stream = _open(file, opened)
        classifier = _load(given)
        opened.callback(classifier.close)
        return _classify_lines(stream, classifier, batch_size, sys.stdout, _Progress())


def _open(file: Path, opened: contextlib.ExitStack) -> IO[bytes]:
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return opened.enter_context(file.open("rb"))
    except OSError as error:
        _fail(f"{file}: {error.strerror or error}")


def _load(given: dict[str, object]) -> "Classifier":
    """Load what the settings say, and `given` before them."""
    from tocsin_classify.model_directory import ModelDirectoryError
    from tocsin_classify.settings import InferenceSettings
    from tocsin_contracts.settings import load_settings

    settings = load_settings(InferenceSettings).model_copy(update=given)
    try:
        from tocsin_classify.load_classifier import load_configured_classifier

        return load_configured_classifier(settings)
    except ModelDirectoryError as error:
        if settings.classify_backend == "torch":
            _fail(str(error))
        _fail(f"{error}\nName a model with --model or TOCSIN_CLASSIFY_MODEL, or make one with `tocsin train`.")


def _classify_lines(
    stream: IO[bytes], classifier: "Classifier", batch_size: int, output: IO[str], progress: "_Progress"
) -> int:
    from tocsin_contracts.classified import ClassifiedV1

    failed = 0
    for batch in _batches(_read_ahead(stream, 2 * batch_size), batch_size):
        articles: list[ArticleV1] = []
        numbers = []
        for number, article in batch:
            if isinstance(article, str):
                failed += 1
                progress.say(f"line {number}: {article}")
            else:
                articles.append(article)
                numbers.append(number)
        for number, outcome in zip(numbers, classifier.classify_batch(articles), strict=True):
            if isinstance(outcome, ClassifiedV1):
                output.write(outcome.model_dump_json() + "\n")
            else:
                failed += 1
                progress.say(f"line {number}: the model failed on it: {outcome.reason}")
        output.flush()
        progress.show(len(batch))
    progress.finish()
    return failed


Line = tuple[int, "ArticleV1 | str"]
"""A line's number, and its article or what is wrong with it."""


def _read_ahead(stream: IO[bytes], most: int) -> "queue.Queue[Line | Exception | None]":
    """Read in a thread of its own, at most `most` lines ahead; None marks the end, an exception a failed read."""
    lines: queue.Queue[Line | Exception | None] = queue.Queue(most)

    def read() -> None:
        try:
            for line in _parse(stream):
                lines.put(line)
        except Exception as error:  # noqa: BLE001 handed over to the main thread
            lines.put(error)
        else:
            lines.put(None)

    # A daemon: a read that blocks on a terminal must not keep the process alive after Ctrl-C.
    threading.Thread(target=read, name="read", daemon=True).start()
    return lines


def _parse(stream: IO[bytes]) -> Iterator[Line]:
    from datetime import UTC, datetime

    from tocsin_classify.read_article import BadArticle, read_article
    from tocsin_classify.read_lines import MAX_LINE_BYTES, read_lines

    for number, line in read_lines(stream):
        if line is None:
            yield number, f"longer than {MAX_LINE_BYTES} bytes"
            continue
        try:
            yield number, read_article(line, datetime.now(UTC))
        except BadArticle as error:
            yield number, str(error)


def _batches(lines: "queue.Queue[Line | Exception | None]", size: int) -> Iterable[list[Line]]:
    while True:
        batch: list[Line] = []
        line = lines.get()
        deadline = time.monotonic() + GATHER_S
        while line is not None and not isinstance(line, Exception):
            batch.append(line)
            if len(batch) == size:
                break
            try:
                line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
        if batch:
            yield batch
        if line is None:
            return
        if isinstance(line, Exception):
            _fail(f"cannot read on: {line}", EXIT_PARTLY_FAILED)


class _Progress:
    """A counter on standard error where a person watches it; silent in scripts."""

    EVERY_S = 0.2

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._started = self._shown = time.monotonic()
        self._count = 0

    def say(self, message: str) -> None:
        self._clear()
        print(message, file=sys.stderr, flush=True)

    def show(self, more: int) -> None:
        self._count += more
        now = time.monotonic()
        if self._watched and now - self._shown >= self.EVERY_S:
            self._shown = now
            rate = self._count / max(now - self._started, 0.001)
            print(f"\r{self._count} articles, {rate:.0f}/s ", end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._watched:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _fail(message: str, code: int = EXIT_USAGE) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def _end_now(code: int) -> NoReturn:
    """End without the interpreter's clean-up, which would wait for threads and write to a closed pipe."""
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
