"""Figures become a report for people: Markdown with tables, and the plots beside it. It holds no labelled text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tocsin_classify.model_directory import ModelSettings
from tocsin_classify.training.figures import NAMES, OTHERS, WORST, language_of
from tocsin_classify.training.labelled import Labelled
from tocsin_classify.training.plots import draw_plots

REPORT, FIGURES = "report.md", "figures.json"
LEVEL_COLUMNS = ("level_qwk", "level_exact", "violent_precision", "violent_recall", "direction_accuracy")
OTHER_COLUMNS = ("deescalating_f1", "topics_micro_f1", "topics_macro_f1", "countries_precision", "countries_recall")
CONFIDENCE_COLUMNS = ("level_ece", "level_exact_kept", "abstention_gain")
# Characters of a text shown beside an error, where texts are asked for at all.
SHOWN_CHARS = 300


def write_report(
    directory: Path,
    figures: Mapping[str, Any],
    names: Mapping[str, str],
    *,
    about: Sequence[str],
    texts: Sequence[Labelled] = (),
) -> None:
    """report.md, figures.json and the plots in `directory`.

    `about` are lines on what was judged, and how; `texts` the items whose texts may stand beside their errors.
    """
    directory.mkdir(parents=True, exist_ok=True)
    plots = draw_plots(figures, names)
    for name, svg in plots.items():
        (directory / name).write_text(svg, encoding="utf-8")
    report = "\n".join(
        [
            "# Evaluation",
            "",
            *about,
            "",
            *target_table(figures),
            *_groups(figures),
            *_plot("Levels", "confusion.svg", "True level by row, said level by column.", plots),
            *_confidence(figures, plots),
            *_topics(figures, names, plots),
            *_plot("Languages", "languages.svg", "Few items a language: read these as hints.", plots),
            *_errors(figures, texts),
        ]
    )
    (directory / REPORT).write_text(report, encoding="utf-8")
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    (directory / FIGURES).write_text(text, encoding="utf-8")


def describe(settings: ModelSettings, items: Sequence[Labelled], sources: Sequence[str]) -> list[str]:
    """What a report begins with: the model, the items, and how they were judged."""
    kinds = {kind: sum(item.kind == kind for item in items) for kind in ("short", "full-length", "no-news")}
    counted = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    bias = ", ".join(f"{value:+.2f}" for value in settings.level_bias) if any(settings.level_bias) else "none"
    return [
        f"- Model: {settings.model_name} {settings.model_version}, scale `{settings.scale_version}`",
        f"- Items: {counted}; from {', '.join(sources)}",
        (
            "- Judged by the classifier that the service runs: windows, pooling, calibration, places, abstention. The "
            "language of an item is the labelled one. Figures count abstained items too, with the level said."
        ),
        (
            f"- Temperature {settings.level_temperature:g}, bias per level {bias}; abstains below a confidence of "
            f"{settings.abstain_below:g}"
        ),
    ]


def show(figure: Mapping[str, Any]) -> str:
    """A value with its interval, `0.912 (0.89-0.93)`; `-` where there is none."""
    if figure["value"] is None:
        return "-"
    interval = "" if figure["low"] is None else f" ({figure['low']:.2f}-{figure['high']:.2f})"
    return f"{figure['value']:.3f}{interval}"


def target_table(figures: Mapping[str, Any]) -> list[str]:
    """Every figure beside what is aimed at."""
    rows = figures["targets"]
    return [
        "## Beside the targets",
        "",
        f"{sum(row['met'] for row in rows)} of {len(rows)} are met. In brackets: 95 % intervals.",
        "",
        "| on | measure | target | reached | |",
        "|---|---|---|---|---|",
        *(
            f"| {row['group']} | {NAMES[row['figure']]} | {'at most' if row['figure'] == 'level_ece' else 'at least'} "
            f"{row['target']:.2f} | {show(row)} | {'met' if row['met'] else '**not met**'} |"
            for row in rows
        ),
        "",
    ]


def group_table(groups: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """A row for each group, a column for each figure."""
    return [
        "| | items | " + " | ".join(NAMES[column] for column in columns) + " |",
        "|---" * (len(columns) + 2) + "|",
        *(
            f"| {name} | {group['items']} | " + " | ".join(show(group["figures"][column]) for column in columns) + " |"
            for name, group in groups.items()
        ),
    ]


def _groups(figures: Mapping[str, Any]) -> list[str]:
    groups = figures["groups"]
    worst = figures["worst_language"]
    return [
        "## Figures",
        "",
        (
            f"Intervals: {figures['resamples']:,} bootstrap draws (seed {figures['seed']}) of whole stories, so that a "
            "translation goes with its original."
        ),
        "",
        *group_table(groups, LEVEL_COLUMNS),
        "",
        *group_table({name: group for name, group in groups.items() if _is_wide(name)}, OTHER_COLUMNS),
        "",
        *([f"{WORST.capitalize()} by QWK: {worst}.", ""] if worst else []),
    ]


def _is_wide(name: str) -> bool:
    return name == OTHERS or language_of(name) in (None, "en")


def _plot(title: str, name: str, caption: str, plots: Mapping[str, str]) -> list[str]:
    return [f"## {title}", "", f"![{title}]({name})", "", caption, ""] if name in plots else []


def _confidence(figures: Mapping[str, Any], plots: Mapping[str, str]) -> list[str]:
    groups = {name: group for name, group in figures["groups"].items() if _is_wide(name)}
    counts = figures["abstention"]["counts"]
    floors = ", ".join(f"{name} {group['level_ece_of_a_perfect_model']:.3f}" for name, group in groups.items())
    return [
        *_plot("Confidence", "reliability.svg", "On the dashed line confidence is what it says.", plots),
        *group_table(groups, CONFIDENCE_COLUMNS),
        "",
        (
            "Calibration error: mean distance of the said level's confidence and its accuracy over 15 bins of equal "
            "width, weighted by items. Chance alone puts it above zero, and every draw of the bootstrap further up; a "
            f"perfectly calibrated model would show about: {floors}."
        ),
        "",
        "![Abstention](abstention.svg)",
        "",
        (
            f"As the model is set, it abstains on {_counted(counts['news_abstained'], counts['news'])} of the news"
            + (
                f" and on {_counted(counts['no_news_abstained'], counts['no_news'])} of the texts that are no news"
                if counts["no_news"]
                else ""
            )
            + (
                f"; of the news that remain it gives the exact level to {counts['level_exact_of_the_rest']:.1%}."
                if counts["level_exact_of_the_rest"] is not None
                else "."
            )
        ),
        "",
    ]


def _counted(reasons: Mapping[str, int], total: int) -> str:
    listed = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    return f"{sum(reasons.values())} of {total}" + (f" ({listed})" if listed else "")


def _topics(figures: Mapping[str, Any], names: Mapping[str, str], plots: Mapping[str, str]) -> list[str]:
    def cell(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return [
        *_plot("Topics", "topics.svg", "Precision (up) against recall (right); dots: thresholds in use.", plots),
        "| topic | true | said | precision | recall | F1 | average precision |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {names.get(code, code)} | {entry['true']} | {entry['said']} | {cell(entry['precision'])} | "
            f"{cell(entry['recall'])} | {cell(entry['f1'])} | {cell(entry.get('average_precision'))} |"
            for code, entry in figures["topics"].items()
        ),
        "",
    ]


def _errors(figures: Mapping[str, Any], texts: Sequence[Labelled]) -> list[str]:
    found = {(item.id, item.language): item for item in texts}
    lines = [
        "## Errors worth reading",
        "",
        "Far and confident ones first. Evidence: part, first and last character, level.",
        "",
        "| id | language | true | said | confidence | direction true / said | abstained | evidence |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in figures["errors"]:
        evidence = "; ".join(f"{at['part']} {at['start']}-{at['end']}: {at['level']}" for at in one["evidence"])
        lines.append(
            f"| {one['id']} | {one['language']} | {one['true_level']} | {one['said_level']} | {one['confidence']:.2f} "
            f"| {one['true_direction']} / {one['said_direction']} | {one['abstained'] or '-'} | {evidence or '-'} |"
        )
    for one in figures["errors"]:
        item = found.get((one["id"], one["language"]))
        if item:
            shown = " ".join(f"{item.title} {item.text}".split())
            cut = shown if len(shown) <= SHOWN_CHARS else shown[:SHOWN_CHARS] + "…"
            lines += ["", f"- **{one['id']}** ({one['true_level']}, said {one['said_level']}): {cut}"]
    return [*lines, ""]
