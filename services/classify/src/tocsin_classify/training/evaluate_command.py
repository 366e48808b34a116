"""`tocsin evaluate`: a model directory is judged on labelled items, and a report written. Needs no torch."""

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import TEST_FROM, is_day

EXAMPLES = """\b
Examples:
  tocsin evaluate --data ../labelled
  tocsin evaluate --data ../labelled --part development --out /tmp/development
  tocsin evaluate --file mine.jsonl --model models/mine --json | jq .targets
  tocsin evaluate --file mine.jsonl --out /tmp/errors --with-texts

Data directories hold the files that `tocsin train` reads; training/README.md of tocsin-classify describes them. The
report is written to MODEL/evaluation unless --out names another place. It lists errors by id; their texts are shown
with --with-texts only, and never below a directory called models, since labelled texts often may not be passed on.
"""

MODELS = "models"
USAGE, FAILED, INTERRUPTED = 2, 1, 130


class Part(StrEnum):
    """Which items of the data directories judge the model."""

    TEST = "test"
    DEVELOPMENT = "development"


def evaluate(
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Directory with labelled items; may be repeated.", exists=True, file_okay=False),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(help="File of labelled items, all of them taken; may be repeated.", exists=True, dir_okay=False),
    ] = None,
    part: Annotated[Part, typer.Option(help="Which part of the data directories.")] = Part.TEST,
    test_from: Annotated[
        str,
        typer.Option(
            help="Items dated so or later are the test part [default: as the model was trained].",
            metavar="YYYY-MM-DD",
        ),
    ] = "",
    model: Annotated[
        Path | None, typer.Option(help="Model directory. Default: TOCSIN_CLASSIFY_MODEL, else the shipped model.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the report goes [default: MODEL/evaluation].", file_okay=False)
    ] = None,
    resamples: Annotated[int, typer.Option(help="Draws for the confidence intervals.", min=10, max=100_000)] = 1_000,
    seed: Annotated[int, typer.Option(help="Decides the draws.", min=0)] = 7,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.", min=0)] = 0,
    with_texts: Annotated[bool, typer.Option("--with-texts", help="Show the texts of errors in the report.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON instead of a table.")] = False,
) -> None:
    """Judge a model on labelled items, as the service would tag them, and write a report with figures and plots."""
    if not data and not file:
        _fail("name labelled items with --data DIRECTORY or --file FILE")
    if test_from and not is_day(test_from):
        _fail(f"--test-from must be a day like {TEST_FROM}, not {test_from}")
    try:
        _run(data or [], file or [], part, test_from, model, out, resamples, seed, threads, with_texts, as_json)
    except TrainingError as error:
        _fail(str(error), FAILED)
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"the labelled items cannot be read: {error}", FAILED)
    except KeyboardInterrupt as stop:
        typer.echo("stopped; nothing was written", err=True)
        raise typer.Exit(INTERRUPTED) from stop


# typer shows a function's docstring; the examples follow it with their lines kept.
evaluate.__doc__ = f"{evaluate.__doc__}\n\n{EXAMPLES}"


def _run(
    data: list[Path],
    files: list[Path],
    part: Part,
    test_from: str,
    model: Path | None,
    out: Path | None,
    resamples: int,
    seed: int,
    threads: int,
    with_texts: bool,
    as_json: bool,
) -> None:
    from tocsin_classify.model_directory import ModelDirectoryError, read_model_directory
    from tocsin_classify.settings import InferenceSettings, available_cores
    from tocsin_classify.training.labelled import read_file, read_part
    from tocsin_contracts.settings import load_settings

    try:
        directory = model or load_settings(InferenceSettings).model_directory()
        settings = read_model_directory(directory)
    except ModelDirectoryError as error:
        _fail(str(error))
    target = out or directory / "evaluation"
    if with_texts and below_models(target):
        _fail(f"--with-texts does not write below a directory called {MODELS}: name another place with --out")
    held_out_from = test_from or settings.test_from or TEST_FROM
    items = read_part(data, part.value, held_out_from) if data else []
    items += [item for path in files for item in read_file(path)]
    if not any(item.kind != "no-news" for item in items):
        _fail(f"there are no labelled items of the {part.value} part in {', '.join(map(str, [*data, *files]))}", FAILED)

    # Libraries that take seconds to import come after everything that can be refused without them.
    from tocsin_classify.load_classifier import load_classifier
    from tocsin_classify.training.figures import take_figures
    from tocsin_classify.training.judge import judge
    from tocsin_classify.training.report import describe, write_report
    from tocsin_contracts.media_topics import TOPIC_NAMES

    try:
        classifier = load_classifier(directory, threads or available_cores())
    except ModelDirectoryError as error:
        _fail(str(error))
    try:
        judged = judge(classifier, items, Progress())
    finally:
        classifier.close()
    figures = take_figures(judged, settings.topics, resamples=resamples, seed=seed)
    sources = [*(f"{path.name} ({part.value} part)" for path in data), *(path.name for path in files)]
    try:
        write_report(
            target, figures, TOPIC_NAMES, about=describe(settings, items, sources), texts=items if with_texts else ()
        )
    except OSError as error:
        _fail(f"{target}: {error.strerror or error}", FAILED)
    if as_json:
        typer.echo(json.dumps(figures, ensure_ascii=False))
    else:
        _print_table(figures)
    typer.echo(f"report: {target / 'report.md'}", err=True)


def below_models(path: Path) -> bool:
    """Whether a path lies in or is a directory called `models`, whose content is published."""
    return MODELS in path.resolve().parts


def _print_table(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from tocsin_classify.training.figures import NAMES
    from tocsin_classify.training.report import show

    table = Table("on", "measure", "target", "reached", "", box=None)
    for row in figures["targets"]:
        sign = "<=" if row["figure"] == "level_ece" else ">="
        reached = "[green]met[/]" if row["met"] else "[red]not met[/]"
        table.add_row(row["group"], NAMES[row["figure"]], f"{sign} {row['target']:.2f}", show(row), reached)
    Console(highlight=False).print(table)


class Progress:
    """Says how many items are done: in place where a person watches, else a line now and then."""

    WATCHED_EVERY_S, LOGGED_EVERY_S = 0.2, 10.0

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        every = self.WATCHED_EVERY_S if self._watched else self.LOGGED_EVERY_S
        if now - self._said < every and done < total:
            return
        self._said = now
        left = int((now - self._started) / done * (total - done))
        words = f"{done}/{total} items, {left // 60}:{left % 60:02d} left"
        end = "\n" if done == total or not self._watched else ""
        print(f"\r\033[K{words}" if self._watched else words, end=end, file=sys.stderr, flush=True)


def _fail(message: str, code: int = USAGE) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)
