"""Fits a mapping to the labels that a model has, or says why it does not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tocsin_classify.aggregate_labels import (
    Aggregate,
    Meaning,
    aggregate_exclusive,
    aggregate_hypotheses,
    aggregate_independent,
)
from tocsin_classify.label_mapping import LabelMapping, LabelRule, SequenceMapping, ZeroShotMapping
from tocsin_classify.model_directory import LEVELS, ModelDirectoryError
from tocsin_contracts.scale import LEVEL_NAMES

ENTAILMENT = ("entailment", "entailed", "entail", "entails")
_SHOWN = 20


@dataclass(frozen=True)
class FittedLabels:
    """How the logits of a model become levels, directions and topics.

    `hypotheses` are what is asked of every window, empty for a model that is asked nothing. `aggregate` takes
    [W, K] logits of K labels, or [W, H, K] where there are H hypotheses.
    """

    aggregate: Aggregate
    topics: tuple[str, ...]
    topic_thresholds: tuple[float, ...]
    hypotheses: tuple[str, ...] = ()


def choose_mapping(labels: Sequence[str]) -> LabelMapping:
    """Return the mapping of a model that needs none: its labels are levels, or one of them is entailment.

    Raises ModelDirectoryError for any other model.
    """
    if _find_entailment(labels) is not None:
        return ZeroShotMapping(kind="zero-shot")
    names = [label.strip().lower() for label in labels]
    for levels in ([str(level) for level in range(LEVELS)], list(LEVEL_NAMES)):
        if sorted(names) == sorted(levels):
            rules = {label: LabelRule(level=levels.index(name)) for label, name in zip(labels, names, strict=True)}
            return SequenceMapping(kind="sequence-classification", labels=rules)
    raise ModelDirectoryError(
        f"nothing says which levels its labels mean: {_list(labels)}. "
        "Write a mapping file and name it with TOCSIN_CLASSIFY_LABELS or --labels"
    )


def fit_labels(mapping: LabelMapping, labels: Sequence[str], *, independent: bool) -> FittedLabels:
    """Fit `mapping` to the model's labels, in the order of its logits.

    `independent`: whether the model's configuration says that labels hold each by itself. Raises
    ModelDirectoryError naming the labels that do not fit.
    """
    if isinstance(mapping, ZeroShotMapping):
        return _fit_hypotheses(mapping, labels)
    return _fit_rules(mapping, labels, independent)


def _fit_rules(mapping: SequenceMapping, labels: Sequence[str], independent: bool) -> FittedLabels:
    if mapping.labels_are:
        independent = mapping.labels_are == "independent"
    if unknown := [label for label in mapping.labels if label not in labels]:
        raise ModelDirectoryError(
            f"labels: the model has no label {_list(unknown)}; its labels are {_list(labels)}. Correct the mapping"
        )
    if left_out := [label for label in labels if label not in mapping.labels]:
        raise ModelDirectoryError(f"labels: nothing is said about {_list(left_out)}; give a level, a topic, or ignore")
    rules = [mapping.labels[label] for label in labels]
    levels = {rule.level for rule in rules if rule.level is not None}
    if not levels or (not independent and len(levels) == 1):
        raise ModelDirectoryError(
            "labels: all articles would get the same level; map the labels to at least two levels"
            if levels
            else "labels: none has a level; without levels a model cannot be used"
        )
    thresholds: dict[str, float | None] = {}
    for rule in rules:
        if rule.topic:
            stated = thresholds.get(rule.topic)
            if stated is not None and rule.threshold not in (None, stated):
                raise ModelDirectoryError(f"labels: {rule.topic} has two thresholds; state one")
            thresholds[rule.topic] = rule.threshold if stated is None else stated
    topics = tuple(thresholds)
    meanings = [Meaning(rule.level, rule.direction, topics.index(rule.topic) if rule.topic else None) for rule in rules]
    aggregate = aggregate_independent if independent else aggregate_exclusive
    return FittedLabels(
        partial(aggregate, meanings=meanings, topics=len(topics)),
        topics,
        tuple(mapping.topic_threshold if stated is None else stated for stated in thresholds.values()),
    )


def _fit_hypotheses(mapping: ZeroShotMapping, labels: Sequence[str]) -> FittedLabels:
    if mapping.entailment is None:
        entailment = _find_entailment(labels)
        if entailment is None:
            raise ModelDirectoryError(
                f"entailment: none of the model's labels is called that: {_list(labels)}. Name the one that means yes; "
                "if none does, the model is not for zero-shot use"
            )
    elif mapping.entailment in labels:
        entailment = labels.index(mapping.entailment)
    else:
        raise ModelDirectoryError(
            f"entailment: the model has no label {mapping.entailment}; its labels are {_list(labels)}"
        )
    if len(labels) < 2:
        raise ModelDirectoryError("the model has a single label, so that it cannot say no")
    phrases: list[str] = []
    meanings: list[Meaning] = []
    topics = tuple(mapping.topics)
    asked = [
        *((Meaning(level=level), texts) for level, texts in mapping.levels.items()),
        *((Meaning(direction=direction), texts) for direction, texts in mapping.directions.items()),
        *((Meaning(topic=place), mapping.topics[code].hypotheses) for place, code in enumerate(topics)),
    ]
    for meaning, texts in asked:
        phrases.extend(mapping.template.replace("{}", text) for text in texts)
        meanings.extend([meaning] * len(texts))
    stated = (question.threshold for question in mapping.topics.values())
    return FittedLabels(
        partial(aggregate_hypotheses, meanings=meanings, entailment=entailment, topics=len(topics)),
        topics,
        tuple(mapping.topic_threshold if threshold is None else threshold for threshold in stated),
        tuple(phrases),
    )


def _find_entailment(labels: Sequence[str]) -> int | None:
    found = [place for place, label in enumerate(labels) if label.strip().lower() in ENTAILMENT]
    return found[0] if len(found) == 1 else None


def _list(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return ", ".join(label[:60] for label in labels[:_SHOWN]) + more
