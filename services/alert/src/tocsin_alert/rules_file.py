"""Reads a rule file (YAML) and says by file, line and field what is wrong with it."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tocsin_alert.rule import Rule

MAX_FILE_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 20
"""Rules nest four levels deep; anything far deeper is a mistake or an attack on the parser's stack."""


class RulesFile(BaseModel):
    """The content of a rule file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    rules: Annotated[list[Rule], Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a rule file; `line` counts from 1."""

    file: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.reason}"


class BadRules(ValueError):
    """A rule file cannot be used; `problems` says why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def read_rules(path: Path) -> list[Rule]:
    """Return the rules in the file at `path`.

    Raises BadRules when it cannot be read or is wrong.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadRules([Problem(str(path), 1, "file", error.strerror or str(error))]) from error
    if len(content) > MAX_FILE_BYTES:
        raise BadRules([Problem(str(path), 1, "file", f"is larger than {MAX_FILE_BYTES} bytes")])
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadRules([Problem(str(path), line, "file", "is not UTF-8 text")]) from error
    return parse_rules(text, str(path))


def parse_rules(text: str, file: str) -> list[Rule]:
    """Return the rules in `text`; `file` names it in errors.

    Raises BadRules.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise BadRules([Problem(file, 1, "file", "is empty; it needs `version: 1` and `rules:`")])
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise BadRules([Problem(file, line, "yaml", error.problem or str(error))]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadRules([Problem(file, 1, "yaml", " ".join(str(error).split()))]) from error
    try:
        rules = RulesFile.model_validate(data).rules
    except ValidationError as error:
        raise BadRules(_problems(error, node, file)) from error
    return _distinct(rules, node, file)


def _problems(error: ValidationError, node: yaml.Node, file: str) -> list[Problem]:
    found = []
    for item in error.errors(include_url=False, include_input=False):
        if item["type"] == "default_factory_not_called":
            # A default that depends on a field which is itself wrong.
            continue
        path = [step for step in item["loc"] if isinstance(step, str | int)]
        if item["type"] == "rule":
            path += item["ctx"]["field"].split(".")
        reason = "is missing" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            reason = "is not a field of a rule file; check its spelling"
        found.append(Problem(file, _line_of(node, path), _written(path), reason))
    return sorted(found, key=lambda problem: problem.line)


def _distinct(rules: list[Rule], node: yaml.Node, file: str) -> list[Rule]:
    seen: set[str] = set()
    problems = []
    for index, rule in enumerate(rules):
        if rule.name in seen:
            path: list[str | int] = ["rules", index, "name"]
            problems.append(
                Problem(file, _line_of(node, path), _written(path), f"another rule is already named {rule.name}")
            )
        seen.add(rule.name)
    if problems:
        raise BadRules(problems)
    return rules


def _written(path: Sequence[str | int]) -> str:
    """Return `rules[0].window` for ("rules", 0, "window")."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"


def _line_of(node: yaml.Node, path: Sequence[str | int]) -> int:
    """Return the line where the field at `path` stands, or of the nearest enclosing part that exists."""
    line: int = node.start_mark.line + 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == step:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses duplicate keys, aliases and deep nesting, and reads only true and false as booleans.

    YAML 1.1 reads NO, the code of Norway, as false.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            reason = "aliases are not supported: write it out"
            raise yaml.composer.ComposerError(None, None, reason, self._mark())
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.composer.ComposerError(None, None, "is nested too deeply", self._mark())
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _mark(self) -> Any:
        return self.peek_event().start_mark  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name} is given twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


_PLAIN_BOOLEANS = {
    letter: [entry for entry in resolvers if entry[0] != "tag:yaml.org,2002:bool"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = _PLAIN_BOOLEANS
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
