"""What was said of labelled items becomes figures by group, set beside what is aimed at. Plain data, fit for JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tocsin_classify.training import metrics
from tocsin_classify.training.judge import Judged

DE_ESCALATING = "de-escalating"
DIRECTIONS = ("escalating", "unchanged", DE_ESCALATING)
# What share of a group abstains at each point of the curve of accuracy against abstention.
ABSTENTION_SHARES = tuple(round(0.025 * step, 3) for step in range(29))
# A precision-recall curve keeps so many of its points: more cannot be seen.
CURVE_POINTS = 60
# Errors listed for reading: those the model was surest of, far ones before near ones.
MOST_ERRORS = 40
NAMES = {
    "level_qwk": "level QWK",
    "level_exact": "exact level",
    "violent_precision": "level >= 3 precision",
    "violent_recall": "level >= 3 recall",
    "direction_accuracy": "direction accuracy",
    "deescalating_f1": "F1 of de-escalating",
    "topics_micro_f1": "topics micro-F1",
    "topics_macro_f1": "topics macro-F1",
    "countries_precision": "countries precision",
    "countries_recall": "countries recall",
    "level_ece": "calibration error",
    "level_exact_kept": "exact level, the least confident 15 % left out",
    "abstention_gain": "gain in exact level when they abstain",
}
ENGLISH, OTHERS, WORST, FULL_LENGTH, ALL = "short, en", "short, other languages", "worst language", "full-length", "all"


@dataclass(frozen=True)
class Target:
    """What a group's figure must reach; the calibration error must stay at or below it."""

    group: str
    figure: str
    value: float

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value <= self.value if self.figure == "level_ece" else value >= self.value


TARGETS = (
    Target(ENGLISH, "level_qwk", 0.94),
    Target(ENGLISH, "level_exact", 0.83),
    Target(ENGLISH, "violent_precision", 0.95),
    Target(ENGLISH, "violent_recall", 0.95),
    Target(ENGLISH, "direction_accuracy", 0.90),
    Target(ENGLISH, "deescalating_f1", 0.70),
    Target(ENGLISH, "topics_micro_f1", 0.86),
    Target(ENGLISH, "topics_macro_f1", 0.70),
    Target(ENGLISH, "countries_precision", 0.88),
    Target(ENGLISH, "countries_recall", 0.88),
    Target(OTHERS, "level_qwk", 0.90),
    Target(OTHERS, "level_exact", 0.77),
    Target(WORST, "level_qwk", 0.80),
    Target(OTHERS, "violent_precision", 0.91),
    Target(OTHERS, "violent_recall", 0.92),
    Target(OTHERS, "countries_precision", 0.80),
    Target(OTHERS, "countries_recall", 0.75),
    Target(FULL_LENGTH, "level_qwk", 0.87),
    Target(FULL_LENGTH, "level_exact", 0.70),
    Target(FULL_LENGTH, "violent_precision", 0.92),
    Target(FULL_LENGTH, "violent_recall", 0.92),
    Target(ALL, "level_ece", 0.04),
    Target(ALL, "abstention_gain", 0.05),
)


def groups_of(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The groups that have items: short English, short ones of other languages, of each, full-length, all."""
    news = [one for one in judged if one.item.kind != "no-news"]
    short = [one for one in news if one.item.kind == "short"]
    languages = sorted({one.item.language for one in short} - {"en"})
    groups = {
        ENGLISH: [one for one in short if one.item.language == "en"],
        OTHERS: [one for one in short if one.item.language != "en"],
        **{name_of(language): [one for one in short if one.item.language == language] for language in languages},
        FULL_LENGTH: [one for one in news if one.item.kind == "full-length"],
        ALL: news,
    }
    return {name: group for name, group in groups.items() if group}


def name_of(language: str) -> str:
    """The group of a language's short items."""
    return f"short, {language}"


def language_of(group: str) -> str | None:
    """The language whose short items the group holds, if it is one of a single language."""
    _, _, language = group.partition("short, ")
    return language if language and group != OTHERS else None


def answers_of(judged: Sequence[Judged], topics: Sequence[str]) -> metrics.Answers:
    """The arrays that figures are computed from; a topic the model does not have counts among the true ones."""
    known = {code: place for place, code in enumerate(topics)}
    for one in judged:
        for code in sorted(one.item.topics | one.topics):
            known.setdefault(code, len(known))
    true_topics = np.zeros((len(judged), len(known)), dtype=bool)
    said_topics = np.zeros_like(true_topics)
    for row, one in enumerate(judged):
        true_topics[row, [known[code] for code in one.item.topics]] = True
        said_topics[row, [known[code] for code in one.topics]] = True
    countries = [(one.item.countries, one.countries) for one in judged]
    return metrics.Answers(
        true_level=np.array([one.item.level for one in judged], dtype=np.int64),
        said_level=np.array([one.level for one in judged], dtype=np.int64),
        confidence=np.array([one.confidence for one in judged], dtype=float),
        true_direction=np.array([DIRECTIONS.index(one.item.direction) for one in judged], dtype=np.int64),
        said_direction=np.array([DIRECTIONS.index(one.direction) for one in judged], dtype=np.int64),
        true_topics=true_topics,
        said_topics=said_topics,
        countries_both=np.array([0 if true is None else len(true & said) for true, said in countries], dtype=np.int64),
        countries_true=np.array([0 if true is None else len(true) for true, _ in countries], dtype=np.int64),
        countries_said=np.array([0 if true is None else len(said) for true, said in countries], dtype=np.int64),
    )


def take_figures(judged: Sequence[Judged], topics: Sequence[str], *, resamples: int, seed: int) -> dict[str, Any]:
    """Everything a report shows, as plain data: groups, targets, confusion, reliability, abstention, topics, errors."""
    groups = groups_of(judged)
    measured = {name: _group(group, topics, resamples, seed) for name, group in groups.items()}
    worst = worst_language(measured)
    return {
        "resamples": resamples,
        "seed": seed,
        "groups": measured,
        "worst_language": worst,
        "targets": beside_targets(measured, worst),
        "confusion": {name: confusion_of(groups[name]) for name in _kinds(groups)},
        "reliability": {name: reliability_of(groups[name]) for name in _kinds(groups)},
        "abstention": {
            "curves": {name: abstention_curve(groups[name]) for name in _kinds(groups)},
            "counts": abstention_counts(judged),
        },
        "topics": topics_of(groups.get(ENGLISH, groups.get(ALL, [])), topics),
        "errors": errors_of(groups.get(ALL, [])),
    }


def _kinds(groups: dict[str, list[Judged]]) -> list[str]:
    return [name for name in (ENGLISH, OTHERS, FULL_LENGTH) if name in groups]


def _group(judged: Sequence[Judged], topics: Sequence[str], resamples: int, seed: int) -> dict[str, Any]:
    answers = answers_of(judged, topics)
    stories = [one.item.story for one in judged]
    found = metrics.with_intervals(
        answers, stories, de_escalating=DIRECTIONS.index(DE_ESCALATING), resamples=resamples, seed=seed
    )
    return {
        "items": len(judged),
        "stories": len(set(stories)),
        "level_ece_of_a_perfect_model": round(metrics.calibration_floor(answers.confidence, seed), 4),
        "figures": {name: asdict(figure) for name, figure in found.items()},
    }


def worst_language(measured: dict[str, Any]) -> str | None:
    """The language other than English with the lowest QWK."""
    languages = [name for name in measured if language_of(name) not in (None, "en")]
    return min(languages, key=lambda name: measured[name]["figures"]["level_qwk"]["value"], default=None)


def beside_targets(measured: dict[str, Any], worst: str | None) -> list[dict[str, Any]]:
    """Each target with the figure reached and whether it is met; groups without items are left out."""
    rows = []
    for target in TARGETS:
        name = worst if target.group == WORST else target.group
        figure = measured[name]["figures"][target.figure] if name in measured else {"value": None}
        if figure["value"] is not None:
            shown = f"{WORST} ({name})" if target.group == WORST else target.group
            met = target.met(figure["value"])
            rows.append({"group": shown, "figure": target.figure, "target": target.value, **figure, "met": met})
    return rows


def confusion_of(judged: Sequence[Judged]) -> list[list[int]]:
    """[true level][said level] counts."""
    answers = answers_of(judged, ())
    table = metrics.confusion(answers.true_level, answers.said_level, np.ones((1, len(judged))))
    return [[int(count) for count in row] for row in table[0]]


def reliability_of(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """Mean confidence, accuracy and items of each bin that has any."""
    answers = answers_of(judged, ())
    right, places = answers.true_level == answers.said_level, metrics.bins_of(answers.confidence)
    return [
        {
            "items": int((places == place).sum()),
            "confidence": round(float(answers.confidence[places == place].mean()), 4),
            "accuracy": round(float(right[places == place].mean()), 4),
        }
        for place in sorted(set(places.tolist()))
    ]


def abstention_curve(judged: Sequence[Judged]) -> list[dict[str, float]]:
    """Exact level of those that remain when each share of the least confident abstains."""
    answers = answers_of(judged, ())
    right, every = (answers.true_level == answers.said_level).astype(float), np.ones((1, len(judged)))
    return [
        {
            "abstained": share,
            "level_exact": round(
                float(metrics.accuracy_of_the_confident(right, answers.confidence, every, 1.0 - share)[0]), 4
            ),
        }
        for share in ABSTENTION_SHARES
    ]


def abstention_counts(judged: Sequence[Judged]) -> dict[str, Any]:
    """What the model as it is abstains on, by reason: of news, of texts that are none; and how right the rest is."""
    news = [one for one in judged if one.item.kind != "no-news"]
    nothing = [one for one in judged if one.item.kind == "no-news"]
    kept = [one for one in news if one.abstained is None]
    return {
        "news": len(news),
        "news_abstained": dict(sorted(Counter(one.abstained for one in news if one.abstained).items())),
        "no_news": len(nothing),
        "no_news_abstained": dict(sorted(Counter(one.abstained for one in nothing if one.abstained).items())),
        "level_exact_of_the_rest": (
            round(sum(one.level == one.item.level for one in kept) / len(kept), 4) if kept else None
        ),
    }


def topics_of(judged: Sequence[Judged], topics: Sequence[str]) -> dict[str, Any]:
    """For each topic of the model: how often true and said, precision, recall, F1, average precision, curve."""
    found: dict[str, Any] = {}
    scored = all(len(one.topic_scores) == len(topics) for one in judged)
    for place, code in enumerate(topics):
        truth = np.array([code in one.item.topics for one in judged], dtype=bool)
        said = np.array([code in one.topics for one in judged], dtype=bool)
        both, true, called = int((truth & said).sum()), int(truth.sum()), int(said.sum())
        entry: dict[str, Any] = {
            "true": true,
            "said": called,
            "precision": round(both / called, 4) if called else None,
            "recall": round(both / true, 4) if true else None,
            "f1": round(2 * both / (true + called), 4) if true + called else None,
        }
        if scored and true:
            scores = np.array([one.topic_scores[place] for one in judged])
            precision, recall = metrics.precision_recall_curve(truth, scores)
            entry["average_precision"] = round(metrics.average_precision(truth, scores), 4)
            kept = np.unique(np.linspace(0, len(recall) - 1, CURVE_POINTS).astype(int))
            entry["curve"] = [[round(float(recall[at]), 3), round(float(precision[at]), 3)] for at in kept]
        found[code] = entry
    return found


def errors_of(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The errors worth reading, without their texts: far and confident ones first."""
    wrong = [one for one in judged if one.level != one.item.level]
    wrong.sort(key=lambda one: (-abs(one.level - one.item.level) * one.confidence, one.item.id, one.item.language))
    return [
        {
            "id": one.item.id,
            "language": one.item.language,
            "kind": one.item.kind,
            "true_level": one.item.level,
            "said_level": one.level,
            "confidence": one.confidence,
            "true_direction": one.item.direction,
            "said_direction": one.direction,
            "abstained": one.abstained,
            "evidence": [asdict(where) for where in one.evidence],
        }
        for one in wrong[:MOST_ERRORS]
    ]
