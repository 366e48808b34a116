"""The steps of `tocsin train` in their order, each taking up what an earlier run has left in the work directory."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from tocsin_classify.load_classifier import load_classifier
from tocsin_classify.model_directory import WEIGHTS, ModelSettings
from tocsin_classify.training import evaluate
from tocsin_classify.training.dataset import (
    DIRECTIONS,
    Dataset,
    Example,
    long_examples,
    read_dataset,
    read_topic_names,
    repeat_languages,
    short_examples,
)
from tocsin_classify.training.errors import TrainingError
from tocsin_classify.training.export import check_parity, write_config, write_model_directory
from tocsin_classify.training.figures import take_figures
from tocsin_classify.training.judge import judge
from tocsin_classify.training.labelled import read_part
from tocsin_classify.training.model_card import write_card
from tocsin_classify.training.network import EscalationNetwork, build_network, start_topics_at_their_share
from tocsin_classify.training.prepare_base import VocabularyReport, prepare_base
from tocsin_classify.training.report import describe, show, write_report
from tocsin_classify.training.split import TEST_FROM
from tocsin_classify.training.stages import FIRST_DATA, Stage, commands
from tocsin_classify.training.stop_early import StopEarly, measure_levels
from tocsin_classify.training.train import (
    Progress,
    Recipe,
    load_trained_state,
    read_stages,
    topic_counts,
    train_network,
)
from tocsin_contracts.scale import SCALE_VERSION

CHECKPOINT = "checkpoint.pt"
BEST = "best.pt"
# The figures of a run beside its checkpoint, for the card of a run that starts from it.
GROUPS = "groups.json"
# The heads start from nothing and learn faster than the encoder they sit on.
HEAD_LEARNING_RATE = 2e-3
# Windows from all over the training data: so many show what the network computes before it is quantised, and on so
# many the int8 weights are compared with torch's.
SMOOTHING_WINDOWS = 500
PARITY_WINDOWS = 100
# Draws for the confidence intervals of the card.
RESAMPLES = 1_000
REPORT_DIRECTORY = "evaluation"


@dataclass(frozen=True)
class Plan:
    """What the command was asked for."""

    data: tuple[Path, ...]
    out: Path
    work: Path
    cache: Path
    base: str
    vocabulary: int
    window_tokens: int
    window_stride: int
    model_version: str
    recipe: Recipe
    resume: bool
    threads: int
    test_from: str = TEST_FROM
    start_from: Path | None = None
    patience: int = 0

    def stage(self, windows: int) -> Stage:
        """This run for the card and for runs that start from it, every option that matters spelled out."""
        recipe = self.recipe
        options: dict[str, object] = {
            "test-from": self.test_from,
            "base": self.base,
            "vocabulary": self.vocabulary,
            "seed": recipe.seed,
            "epochs": recipe.epochs,
            "max-tokens": self.window_tokens,
            "batch-size": recipe.batch_size,
            "learning-rate": f"{recipe.learning_rate:g}",
            "freeze-layers": recipe.freeze_layers,
            **({"layer-decay": f"{recipe.layer_decay:g}"} if recipe.layer_decay != 1.0 else {}),
            **({"long-one-in": recipe.long_one_in} if recipe.long_one_in > 1 else {}),
            **({"other-languages": recipe.other_languages} if recipe.other_languages > 1 else {}),
            **({"stop-at": recipe.stop_at} if recipe.stop_at else {}),
            **({"patience": self.patience} if self.patience else {}),
            "model-version": self.model_version,
        }
        return Stage(
            data=[FIRST_DATA, *(str(path) for path in self.data[1:])],
            test_from=self.test_from,
            windows=windows,
            recipe=asdict(recipe),
            options={name: str(value) for name, value in options.items()},
            steps=0,
            groups={},
        )


@dataclass(frozen=True)
class Prepared:
    """Base, data and network as they are when training starts."""

    base: Path
    vocabulary: VocabularyReport | None
    dataset: Dataset
    examples: list[Example]
    network: EscalationNetwork
    pad_id: int
    stages: list[Stage]


def run(plan: Plan, say: Callable[[str], None]) -> str:
    """Everything, from the data to the model directory; returns the figures as one line. Raises TrainingError."""
    prepared = prepare(plan, say)
    train(plan, prepared, say)
    record = finish(plan, prepared, say)
    groups = record["test"]["groups"]
    figures = next(iter(groups.values()))["figures"] if groups else {}
    shown = ("level_qwk", "level_exact", "violent_precision", "violent_recall", "direction_accuracy")
    met = sum(row["met"] for row in record["test"]["targets"])
    return f"{plan.out}: " + ", ".join(
        [*(f"{name} {show(figures[name])}" for name in shown if name in figures), f"{met} targets met"]
    )


def prepare(plan: Plan, say: Callable[[str], None]) -> Prepared:
    """Everything before the first step. Raises TrainingError."""
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.recipe.seed)
    dataset = read_dataset(plan.data, plan.test_from)
    base, vocabulary = prepare_base(plan.base, plan.data, plan.test_from, plan.work, plan.cache, plan.vocabulary, say)
    tokenizer = AutoTokenizer.from_pretrained(base)
    size = {"window_tokens": plan.window_tokens, "window_stride": plan.window_stride}
    items = repeat_languages(dataset.short["train"], plan.recipe.other_languages)
    examples = short_examples(items, tokenizer, **size)
    examples += long_examples(dataset.long["train"], tokenizer, **size)[:: plan.recipe.long_one_in]
    # The seed again: how often it was drawn from above depends on whether the base was ready already.
    torch.manual_seed(plan.recipe.seed)
    network = build_network(base, len(dataset.topics), freeze_layers=plan.recipe.freeze_layers)
    start_topics_at_their_share(network, topic_counts(examples, len(dataset.topics)), len(examples))
    earlier = load_trained_state(network, plan.start_from) if plan.start_from else []
    if plan.start_from and (taken := plan.start_from.parent / GROUPS).exists():
        earlier[-1]["groups"] = json.loads(taken.read_text(encoding="utf-8"))
    stages = [*earlier, plan.stage(len(examples))]
    tokens = sum(len(example.ids) for example in examples)
    say(
        f"{len(examples):,} windows, {tokens:,} tokens an epoch; tuned on "
        f"{len(dataset.short['development']):,} items, tested on {len(dataset.short['test']):,} later ones"
    )
    return Prepared(base, vocabulary, dataset, examples, network, tokenizer.pad_token_id or 0, stages)


def train(plan: Plan, prepared: Prepared, say: Callable[[str], None]) -> None:
    """Trains the prepared network in place; progress goes through `say`.

    With patience the network ends with the weights of its best epoch.
    """
    stop = stop_early(plan, prepared, say) if plan.patience else None
    if stop is not None and stop.exhausted:
        stop.restore(prepared.network)
        return
    train_network(
        prepared.network,
        prepared.examples,
        plan.recipe,
        pad_id=prepared.pad_id,
        checkpoint=plan.work / CHECKPOINT,
        resume=plan.resume,
        stages=prepared.stages,
        listen=Reporter(say),
        after_epoch=stop,
    )
    if stop is not None:
        stop.restore(prepared.network)


def stop_early(plan: Plan, prepared: Prepared, say: Callable[[str], None]) -> StopEarly:
    """The hook that ends the run. Raises TrainingError when there is nothing to measure an epoch on."""
    tokenizer = AutoTokenizer.from_pretrained(prepared.base)
    news = [item for item in prepared.dataset.short["development"] if item.news]
    if not news:
        raise TrainingError("--patience needs a development part, and none of the items fall into it; leave it out")
    examples = short_examples(news, tokenizer, window_tokens=plan.window_tokens, window_stride=plan.window_stride)
    return StopEarly(
        patience=plan.patience,
        path=plan.work / BEST,
        # As in the checkpoint, the end of a run is no part of what it is.
        identity=json.dumps(
            {
                **asdict(replace(plan.recipe, stop_at=0)),
                "examples": len(prepared.examples),
                "started_from": prepared.stages[:-1],
            },
            sort_keys=True,
        ),
        resume=plan.resume,
        measure=partial(measure_levels, examples=examples, pad_id=prepared.pad_id),
        say=say,
    )


def finish(plan: Plan, prepared: Prepared, say: Callable[[str], None]) -> dict[str, Any]:
    """Exports, tunes on the development part, measures on the test part, writes card, metrics.json and the report."""
    dataset = prepared.dataset
    settings = ModelSettings(
        model_name=plan.out.name,
        model_version=plan.model_version,
        scale_version=SCALE_VERSION,
        directions=DIRECTIONS,
        topics=tuple(dataset.topics),
        topic_thresholds=(0.5,) * len(dataset.topics),
        window_tokens=plan.window_tokens,
        window_stride=plan.window_stride,
        level_temperature=1.0,
        test_from=plan.test_from,
    )
    say("exporting to int8 ONNX")
    usual = windows_of(prepared.examples, SMOOTHING_WINDOWS)
    write_model_directory(plan.out, prepared.base, prepared.network, settings, usual)
    compared = windows_of(prepared.examples, PARITY_WINDOWS)
    cosine = check_parity(prepared.network, plan.out / WEIGHTS, compared, prepared.pad_id)
    say(f"least mean cosine to torch: {min(cosine.values()):.4f}; tuning thresholds on the development part")
    development = dataset.short["development"]
    logits = evaluate.run_items(plan.out, development, threads=plan.threads, listen=Counter(say))
    tuned = evaluate.tune(development, logits, settings)
    languages = sorted({item.language for part in dataset.short.values() for item in part})
    settings = tuned.settings.model_copy(update={"languages": tuple(languages)})
    write_config(plan.out, prepared.base, settings)
    names = read_topic_names(plan.data)
    stages = read_stages(plan.work / CHECKPOINT)
    record = {
        **settings.model_dump(mode="json"),
        "base": plan.base,
        "languages": languages,
        "development_items": len(development),
        "calibrations": tuned.calibrations,
        "test": measure_test(plan, settings, names, say),
        "int8_cosine": {name: round(value, 4) for name, value in cosine.items()},
        "vocabulary": asdict(prepared.vocabulary) if prepared.vocabulary else None,
        "stages": stages,
        "commands": commands(stages, plan.out.name),
    }
    (plan.work / GROUPS).write_text(json.dumps(record["test"]["groups"]), encoding="utf-8")
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (plan.out / "metrics.json").write_text(text, encoding="utf-8")
    (plan.out / "README.md").write_text(write_card(record, names), encoding="utf-8")
    return record


def measure_test(
    plan: Plan, settings: ModelSettings, names: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, Any]:
    """Figures on the test part, taken through the service's own classifier; a report of them goes beside the model.

    Curves and single errors stay in the report's figures.json.
    """
    items = read_part(plan.data, "test", plan.test_from)
    say(f"measuring on {len(items):,} held-out items")
    classifier = load_classifier(plan.out, plan.threads)
    try:
        judged = judge(classifier, items, Counter(say))
    finally:
        classifier.close()
    figures = take_figures(judged, settings.topics, resamples=RESAMPLES, seed=plan.recipe.seed)
    sources = [f"{path.name} (test part)" for path in plan.data]
    write_report(plan.out / REPORT_DIRECTORY, figures, names, about=describe(settings, items, sources))
    kept = {name: value for name, value in figures.items() if name not in ("errors", "reliability")}
    kept["topics"] = {
        code: {name: value for name, value in entry.items() if name != "curve"}
        for code, entry in figures["topics"].items()
    }
    kept["abstention"] = figures["abstention"]["counts"]
    return kept


def windows_of(examples: Sequence[Example], count: int) -> list[tuple[int, ...]]:
    """The token ids of examples at even distances: all if they are fewer than `count`, else up to twice as many."""
    return [example.ids for example in examples[:: max(len(examples) // count, 1)]]


class Reporter:
    """Says how far training is, every ten seconds at most and at the last step."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = 0.0
        self._loss = 0.0

    def __call__(self, progress: Progress) -> None:
        self._loss = 0.95 * self._loss + 0.05 * progress.loss if self._loss else progress.loss
        now = time.monotonic()
        if now - self._said < 10.0 and progress.step < progress.steps:
            return
        self._said = now
        minutes, seconds = divmod(int(progress.eta_seconds), 60)
        self._say(
            f"step {progress.step}/{progress.steps}  loss {self._loss:.3f}  "
            f"{progress.seconds_per_step:.2f} s/step  {minutes}:{seconds:02d} left"
        )


class Counter:
    """Says how many items are done, every ten seconds at most and at the last."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total or now - self._said >= 10.0:
            self._said = now
            self._say(f"{done}/{total} items")


def default_threads() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
