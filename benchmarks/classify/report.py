"""The results in words and tables: Markdown, which is written, and lines, which are printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.classify.figures import (
    BATCHED,
    COMMAND,
    MB,
    NAMES,
    PIPELINE,
    SERVICE,
    Round,
    Spread,
    articles_a_day,
    judge,
    rates,
)
from benchmarks.classify.texts import SHORT

METHOD = """\
Every round runs all contenders one after another on the same texts, so that whoever else wants the cores disturbs all \
alike; a ratio is taken within each round.
(a), (b) and (e) stay loaded between rounds; (c) and (d) start anew. Their speed once loaded leaves out the start and \
the first batch of 32.
(d): the articles lie on the topic before the service starts; moments are those of the messages on the topic of \
classified articles. Kafka runs on the same cores.
(e): the windows that (c) and (d) compute, recorded beforehand; in the one way a window at a time per thread, which is \
how Tocsin computes (a window's tags must not depend on its neighbours), in the other sorted by length and padded into \
batches. The target compares (d) with the faster of the two.
The texts are invented: short ones from the training data in the model's thirteen languages, full-length ones composed \
from the demo's reports. That the model has seen the short ones does not change the time.
""".splitlines()

PROFILED = (
    "Separate runs with timers around the functions; seconds, and the share of the time from the first batch's begin"
    " to the last one's end."
)


@dataclass(frozen=True)
class TextFacts:
    """How much there is to read in the texts of one kind."""

    articles: int
    characters: int
    pipeline_tokens: int | None
    """After truncation, as the pipeline reads; None where it did not run."""
    windows: int
    window_tokens: int


@dataclass(frozen=True)
class Profile:
    """Seconds by stage, of a run whose work took `wall_s`."""

    contender: str
    kind: str
    wall_s: float
    seconds: Mapping[str, float]


@dataclass
class Results:
    """Everything that one run of the benchmark found."""

    started: str
    took_s: float
    command: str
    model: str
    threads: int
    machine: Mapping[str, str]
    load_before: float
    texts: Mapping[str, TextFacts]
    rounds: Sequence[Round]
    pipeline_weights: str | None = None
    agreement: Mapping[str, float] = field(default_factory=dict)
    profiles: Sequence[Profile] = ()
    start_steps: Sequence[tuple[str, float, int]] = ()
    imports: Sequence[tuple[str, float]] = ()
    quick: bool = False


def write_report(results: Results) -> str:
    """The whole report as Markdown."""
    parts = [
        "# How fast articles are classified",
        _introduction(results),
        "## Targets",
        _targets(results),
        *_speeds(results),
        "## Memory and start of whole processes",
        _processes(results),
    ]
    if results.profiles:
        parts += ["## Where the time goes", _profiles(results)]
    if results.start_steps:
        parts += ["## What starting costs", _start(results)]
    parts += ["## How it was measured", _method(results), "## Machine", _machine(results)]
    return "\n\n".join(parts) + "\n"


def _introduction(results: Results) -> str:
    warning = "**A smoke run over a handful of texts: its figures say nothing.**\n\n" if results.quick else ""
    return (
        f"{warning}Written by `{results.command}` on {results.started}, in {results.took_s / 60:.0f} minutes. "
        f"Model: {results.model}; {results.threads} threads. Medians over rounds, lowest and highest in brackets."
    )


def _targets(results: Results) -> str:
    rows = [
        (
            verdict.what,
            f"at {verdict.at} {verdict.target:g} {verdict.unit}",
            _spread(verdict.measured),
            "met" if verdict.met else "**not met**",
        )
        for verdict in judge(results.rounds)
    ]
    return _table(("", "target", "measured", ""), rows)


def _speeds(results: Results) -> list[str]:
    parts = []
    for kind, facts in results.texts.items():
        length = facts.characters / facts.articles
        rows = []
        for contender, name in NAMES.items():
            found = list(rates(results.rounds, kind, contender).values())
            if not found:
                continue
            spread = Spread.of(found)
            tokens = facts.pipeline_tokens if contender in (PIPELINE, BATCHED) else facts.window_tokens
            per_s = f"{spread.median * (tokens or 0) / facts.articles:,.0f}"
            day = f"{articles_a_day(spread.median):,}"
            rows.append((f"({contender}) {name}", _spread(spread), per_s, day))
        pipeline = (
            f"; cut at the model's limit, as the pipeline does, {facts.pipeline_tokens / facts.articles:.0f} tokens"
            if facts.pipeline_tokens
            else ""
        )
        whole = (
            f"read whole, {facts.windows / facts.articles:.1f} windows with "
            f"{facts.window_tokens / facts.articles:.0f} tokens."
        )
        parts += [
            f"## {kind.capitalize()} texts",
            f"{facts.articles} articles of {length:,.0f} characters in the mean{pipeline}; {whole}",
            _table(("", "articles/s", "tokens/s", "articles a day"), rows),
        ]
    return parts


def _processes(results: Results) -> str:
    rows = []
    for kind in results.texts:
        for contender in (COMMAND, SERVICE, PIPELINE, BATCHED):
            own = [one for one in results.rounds if one.kind == kind and one.contender == contender]
            columns = (
                [one.first_s for one in own],
                [one.overall_per_s for one in own],
                [one.resident_bytes and one.resident_bytes / MB for one in own],
                [one.peak_bytes and one.peak_bytes / MB for one in own],
            )
            if any(value for column in columns for value in column):
                rows.append((f"({contender}) {kind}", *(_spread_of_known(column) for column in columns)))
    header = ("", "s to the first result", "articles/s with the start", "MB at the end", "MB at the highest")
    note = "The pipeline's highest is that of one process that runs (a) and (b) on all texts."
    return f"{_table(header, rows)}\n\n{note}"


def _profiles(results: Results) -> str:
    parts = [PROFILED]
    contenders = list(dict.fromkeys(profile.contender for profile in results.profiles))
    for contender in contenders:
        own = [profile for profile in results.profiles if profile.contender == contender]
        header = ("", *(f"{profile.kind}: s" for profile in own), *(f"{profile.kind}: share" for profile in own))
        rows = [
            (
                stage,
                *(f"{profile.seconds[stage]:.2f}" for profile in own),
                *(f"{profile.seconds[stage] / profile.wall_s:.1%}" for profile in own),
            )
            for stage in own[0].seconds
        ]
        parts += [f"({contender}) {NAMES[contender]}:", _table(header, rows)]
    return "\n\n".join(parts)


def _start(results: Results) -> str:
    rows = []
    before = 0
    for step, seconds, resident in results.start_steps:
        rows.append((step, f"{seconds:.2f}", f"{resident / MB:.0f}", f"{(resident - before) / MB:+.0f}"))
        before = resident
    total = sum(seconds for _, seconds, _ in results.start_steps)
    parts = [
        f"The service's own steps in one process, without Kafka ({total:.1f} s in all):",
        _table(("step", "s", "resident MB after it", "change"), rows),
    ]
    if results.imports:
        parts += [
            "Packages by the time that their own modules take to import (`python -X importtime`, which slows it):",
            _table(("package", "s"), [(name, f"{seconds:.2f}") for name, seconds in results.imports]),
        ]
    return "\n\n".join(parts)


def _method(results: Results) -> str:
    lines = list(METHOD)
    if results.pipeline_weights:
        agreement = ", ".join(f"{share:.1%} of the {kind} texts" for kind, share in results.agreement.items())
        lines.append(
            f"(a) and (b): the level head alone, on {results.pipeline_weights}, cut at the model's limit. (a) and (c) "
            f"find the same level likeliest on {agreement}; on full-length ones they read differently."
        )
    return "\n".join(f"- {line}" for line in lines)


def _machine(results: Results) -> str:
    rows = [*results.machine.items(), ("load before the first round", f"{results.load_before:g}")]
    return _table(("", ""), rows)


def summarise(results: Results) -> list[str]:
    """A few lines for a terminal."""
    lines = []
    for kind, facts in results.texts.items():
        lines.append(f"{kind}, {facts.articles} articles: articles/s (lowest to highest)")
        for contender, name in NAMES.items():
            if found := list(rates(results.rounds, kind, contender).values()):
                lines.append(f"  {contender:<10}{name.replace('`', ''):<56}{_spread(Spread.of(found)):>24}")
    lines.append("targets")
    for verdict in judge(results.rounds):
        word = "met" if verdict.met else "not met"
        wanted = f"at {verdict.at} {verdict.target:g} {verdict.unit}"
        lines.append(f"  {verdict.what:<48}{wanted:<22}{_spread(verdict.measured):>24}  {word}")
    if days := rates(results.rounds, SHORT, SERVICE):
        lines.append(f"that is {articles_a_day(Spread.of(list(days.values())).median):,} short articles a day")
    return lines


def _spread(spread: Spread) -> str:
    if spread.low == spread.high:
        return _number(spread.median)
    return f"{_number(spread.median)} ({_number(spread.low)}-{_number(spread.high)})"


def _spread_of_known(values: Sequence[float | None]) -> str:
    known = [value for value in values if value]
    return _spread(Spread.of(known)) if known else ""


def _number(value: float) -> str:
    """Three digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
