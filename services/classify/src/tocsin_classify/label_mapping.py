"""Reads the file that says what a foreign model's labels mean, and names the line that is wrong."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tocsin_classify.hypotheses import DIRECTION_HYPOTHESES, LEVEL_HYPOTHESES, TEMPLATE, TOPIC_HYPOTHESES
from tocsin_classify.model_directory import ModelDirectoryError, Share
from tocsin_contracts.fields import Level, TopicCode
from tocsin_contracts.media_topics import find_topic
from tocsin_contracts.scale import Direction

MAX_FILE_BYTES = 262_144
MAX_HYPOTHESES = 500
IGNORE = "ignore"


def _as_topic(value: Any) -> Any:
    """A topic may be given by its name or slug as well."""
    return (find_topic(value) or value) if isinstance(value, str) else value


def _as_rule(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value == IGNORE:
        return {}
    return {"level": value} if value.isdecimal() else {"topic": value}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_topic_question(value: Any) -> Any:
    return {"hypotheses": value} if isinstance(value, str | list) else value


Topic = Annotated[TopicCode, BeforeValidator(_as_topic)]
Hypothesis = Annotated[str, Field(min_length=1, max_length=300)]
Hypotheses = Annotated[tuple[Hypothesis, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=20)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LabelRule(_Part):
    """What one label of the model says; nothing at all where it is to be ignored."""

    level: Level | None = None
    direction: Direction | None = None
    topic: Topic | None = None
    threshold: Share | None = None

    @model_validator(mode="after")
    def _thresholds_belong_to_topics(self) -> "LabelRule":
        if self.threshold is not None and self.topic is None:
            raise ValueError("threshold is a topic's: name the topic, or leave it out")
        return self


class TopicQuestion(_Part):
    """How a zero-shot model is asked for a topic, and from which score on it counts."""

    hypotheses: Hypotheses
    threshold: Share | None = None


class _Mapping(_Part):
    level_temperature: float = Field(default=1.0, gt=0.0, le=100.0)
    """Above 1 the levels' probabilities become more even, below 1 less."""
    abstain_below: Share = 0.0
    topic_threshold: Share = 0.5
    """From which score on a topic counts that has no threshold of its own."""
    window_tokens: int | None = Field(default=None, ge=16, le=8192)
    """Tokens of the text read at a time; by default 256, or as many as the model has room for."""
    window_stride: int | None = Field(default=None, ge=1, le=8192)

    @model_validator(mode="after")
    def _no_text_goes_unread(self) -> "_Mapping":
        if self.window_stride and (self.window_tokens is None or self.window_stride > self.window_tokens):
            raise ValueError("window_stride needs window_tokens and must not exceed them, or text would go unread")
        return self


class SequenceMapping(_Mapping):
    """The labels of a sequence-classification model, each with what it says."""

    kind: Literal["sequence-classification"]
    labels: dict[str, Annotated[LabelRule, BeforeValidator(_as_rule)]] = Field(min_length=1, max_length=2_000)
    labels_are: Literal["exclusive", "independent"] | None = None
    """Whether exactly one label holds (softmax) or each by itself (sigmoid); by default what config.json says."""


class ZeroShotMapping(_Mapping):
    """What a natural-language-inference model is asked about every window."""

    kind: Literal["zero-shot"]
    entailment: str | None = None
    """The label that means "yes"; found by its name where it has one."""
    template: str = Field(default=TEMPLATE, min_length=2, max_length=300)
    levels: dict[Level, Hypotheses] = Field(
        default={level: (phrase,) for level, phrase in LEVEL_HYPOTHESES.items()}, min_length=2
    )
    directions: dict[Direction, Hypotheses] = {
        direction: (phrase,) for direction, phrase in DIRECTION_HYPOTHESES.items()
    }
    topics: dict[Topic, Annotated[TopicQuestion, BeforeValidator(_as_topic_question)]] = {
        code: TopicQuestion(hypotheses=(phrase,)) for code, phrase in TOPIC_HYPOTHESES.items()
    }

    @model_validator(mode="after")
    def _questions_can_be_asked(self) -> "ZeroShotMapping":
        if self.template.count("{}") != 1:
            raise ValueError("template must have {} once, where the hypothesis goes")
        if self.directions and set(self.directions) != set(Direction):
            raise ValueError("directions must be all three, or {} to ask for none")
        if sum(len(one) for one in self.levels.values()) + len(self.topics) > MAX_HYPOTHESES:
            raise ValueError(f"more than {MAX_HYPOTHESES} hypotheses")
        return self


LabelMapping = SequenceMapping | ZeroShotMapping

_ADAPTER: TypeAdapter[LabelMapping] = TypeAdapter(Annotated[LabelMapping, Field(discriminator="kind")])


def read_label_mapping(path: Path) -> LabelMapping:
    """Return the mapping in a YAML or JSON file.

    Raises ModelDirectoryError with the file, the line, the field and what is wrong with it.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ModelDirectoryError(f"{path} is longer than {MAX_FILE_BYTES} bytes: not a mapping of labels")
        # JSON may be indented with tabs, YAML not; neither has them within a value that matters here.
        text = raw.decode("utf-8-sig").replace("\t", " ")
    except OSError as error:
        raise ModelDirectoryError(f"{path}: {error.strerror or error}; name a mapping of labels") from error
    except UnicodeDecodeError as error:
        raise ModelDirectoryError(f"{path} is not UTF-8: write the mapping of labels as YAML or JSON") from error
    return parse_label_mapping(text, str(path))


def parse_label_mapping(text: str, source: str) -> LabelMapping:
    """Return the mapping in `text`, which errors call `source`; raises ModelDirectoryError."""
    lines: dict[tuple[str, ...], int] = {}
    try:
        # The base loader guesses no types: a label may well be called NO, 3 or 1e5.
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        value = _as_value(node, (), lines, set())
    except RecursionError as error:
        raise ModelDirectoryError(f"{source}: nested too deeply for a mapping of labels") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ModelDirectoryError(f"{source}{line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ModelDirectoryError(f"{source}: neither YAML nor JSON: {str(error).splitlines()[0]}") from error
    if not isinstance(value, dict):
        raise ModelDirectoryError(
            f'{source}: a mapping of labels begins with "kind: sequence-classification" or "kind: zero-shot"'
        )
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        raise ModelDirectoryError(_explain(error, source, lines)) from error


def _as_value(node: yaml.Node | None, at: tuple[str, ...], lines: dict[tuple[str, ...], int], seen: set[int]) -> Any:
    """Plain values, with the line of each; refuses what could mean something else than it looks."""
    if node is None:
        return None
    if id(node) in seen:
        raise yaml.MarkedYAMLError(problem="aliases (*) are not read: write it out", problem_mark=node.start_mark)
    seen.add(id(node))
    lines.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_as_value(item, (*at, str(place)), lines, seen) for place, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return node.value
    found: dict[str, Any] = {}
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
        if key.value in found:
            raise yaml.MarkedYAMLError(problem=f"{key.value} is there twice: keep one", problem_mark=key.start_mark)
        lines[*at, key.value] = key.start_mark.line + 1
        found[key.value] = _as_value(item, (*at, key.value), lines, seen)
    return found


def _explain(error: ValidationError, source: str, lines: dict[tuple[str, ...], int]) -> str:
    said = []
    for item in error.errors(include_url=False)[:5]:
        # The first step is the kind, which the file does not have as a level of its own.
        where = tuple(str(step) for step in item["loc"] if step != "[key]")[1:]
        known = next(where[:end] for end in range(len(where), -1, -1) if where[:end] in lines)
        field = ".".join(where) or "kind"
        advice = _ADVICE.get(item["type"], "")
        said.append(f"{source}, line {lines[known]}: {field}: {item['msg'].removeprefix('Value error, ')}{advice}")
    return "\n".join(said)


_ADVICE = {
    "extra_forbidden": "; there is no such setting, remove it or correct its name",
    "string_pattern_mismatch": "; a topic is a code such as medtop:20000056, or a name such as armed conflict",
    "int_parsing": "; a level is a number from 0 to 5",
    "less_than_equal": "; levels go from 0 to 5",
    "union_tag_invalid": "; write sequence-classification or zero-shot",
    "union_tag_not_found": "; write sequence-classification or zero-shot",
}
