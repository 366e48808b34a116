"""Rule files: what they say, and how they are told what is wrong with them."""

from datetime import timedelta
from pathlib import Path

import pytest

from tocsin_alert.rule import Rule
from tocsin_alert.rules_file import BadRules, Problem, parse_rules, read_rules

pytestmark = pytest.mark.unit

REPOSITORY = Path(__file__).parents[3]

GOOD = """\
version: 1
rules:
  - name: violence
    description: Violence in one country
    filters:
      directions: [escalating, unchanged]
      topics: [armed-conflict, "Riot", "medtop:20000053"]
      places: [NO, SY]
      confidence: 0.5
    group_by: place
    window: 24h
    fire_when: {stories: 3, sources: 2, level: 3}
    resolve_when:
      stories_below: 2
      hold: 6h
    severity: critical
    repeat_every: 90m
"""


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(BadRules) as caught:
        parse_rules(text, "rules.yaml")
    return caught.value.problems


def only_problem_of(text: str) -> tuple[int, str, str]:
    [problem] = problems_of(text)
    return problem.line, problem.field, problem.reason


def test_a_good_file_is_read_with_its_defaults() -> None:
    [rule] = parse_rules(GOOD, "rules.yaml")

    assert rule.window == timedelta(hours=24)
    assert rule.lateness == timedelta(minutes=30)
    assert (rule.exit_stories, rule.exit_level) == (2, 3)
    assert rule.repeat_every == timedelta(minutes=90)
    assert rule.filters.topics == ["medtop:20000056", "medtop:20000069", "medtop:20000053"]


def test_norway_is_a_country_and_not_false() -> None:
    assert parse_rules(GOOD, "rules.yaml")[0].filters.places == ["NO", "SY"]


def test_the_version_changes_with_the_content_and_not_with_the_description() -> None:
    [rule] = parse_rules(GOOD, "rules.yaml")
    [described] = parse_rules(GOOD.replace("Violence in one country", "Something else"), "rules.yaml")
    [edited] = parse_rules(GOOD.replace("stories: 3", "stories: 4"), "rules.yaml")

    assert rule.version == described.version
    assert rule.version != edited.version
    assert Rule.model_validate(rule.model_dump(mode="json", exclude_defaults=True)) == rule


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("window: 24h", "window: soon", (11, "rules[0].window", "write a whole number and a unit")),
        ("window: 24h", "window: 0s", (11, "rules[0].window", "must be between 1s and 30d")),
        ("window: 24h", "window: 99999999d", (11, "rules[0].window", "must be between 1s and 30d")),
        ("    window: 24h\n", "", (3, "rules[0].window", "is missing")),
        ("window: 24h", "widow: 24h", (11, "rules[0].widow", "is not a field")),
        (
            "confidence: 0.5",
            "places_role: scenes",
            (9, "rules[0].filters.places_role", "Input should be 'scene' or 'any'"),
        ),
        ("stories: 3", "stories: 30", (12, "rules[0].fire_when.stories", "less than or equal to 10")),
        ("level: 3", "level: 6", (12, "rules[0].fire_when.level", "less than or equal to 5")),
        ("stories_below: 2", "stories_below: 4", (14, "rules[0].resolve_when.stories_below", "must not exceed")),
        ("hold: 6h", "hold: 6h\n      level: 4", (16, "rules[0].resolve_when.level", "must not exceed")),
        ("window: 24h", "window: 24h\n    lateness: 7h", (12, "rules[0].lateness", "must not be longer than")),
        ("armed-conflict", "armed-conflct", (7, "rules[0].filters.topics[0]", "is no known topic")),
        ("NO, SY", "no, SY", (8, "rules[0].filters.places[0]", "pattern")),
        ("escalating,", "rising,", (6, "rules[0].filters.directions[0]", "escalating")),
        ("name: violence", "name: Bad Name", (3, "rules[0].name", "pattern")),
        ("version: 1", "version: 2", (1, "version", "1")),
        ("group_by: place", "group_by: planet", (10, "rules[0].group_by", "place")),
        ("severity: critical", "severity: [", (17, "yaml", "")),
        ("severity: critical", "severity: critical\n    severity: info", (17, "yaml", "severity is given twice")),
        ("severity: critical", "severity: &a critical\n    description: *a", (17, "yaml", "aliases")),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(before: str, after: str, expected: tuple[int, str, str]) -> None:
    found = problems_of(GOOD.replace(before, after, 1))

    line, field, reason = expected
    assert any(
        problem.field == field and reason in problem.reason and (problem.line == line or field == "yaml")
        for problem in found
    ), [str(problem) for problem in found]


def test_every_problem_is_told_at_once_in_the_order_of_the_file() -> None:
    found = problems_of(GOOD.replace("window: 24h", "window: x").replace("confidence: 0.5", "confidence: 5"))

    assert [problem.field for problem in found] == ["rules[0].filters.confidence", "rules[0].window"]
    assert str(found[0]).startswith("rules.yaml:9: rules[0].filters.confidence: ")


def test_two_rules_of_one_name_are_refused() -> None:
    second = GOOD[GOOD.index("  - name") :]

    assert only_problem_of(GOOD + second)[1] == "rules[1].name"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "[]", "just words", "version: 1\nrules: []\n", "a: " + "[" * 5_000]
)
def test_what_is_no_rule_file_is_refused_without_a_stack_trace(text: str) -> None:
    assert problems_of(text)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    binary, huge = tmp_path / "binary.yaml", tmp_path / "huge.yaml"
    binary.write_bytes(b"version: 1\n\xff\xfe")
    huge.write_bytes(b"#" * 1_100_000)

    for path, reason in ((tmp_path / "missing.yaml", "No such file"), (binary, "UTF-8"), (huge, "larger")):
        with pytest.raises(BadRules, match=reason):
            read_rules(path)


@pytest.mark.parametrize("name", ["default.yaml", "demo.yaml"])
def test_the_rules_that_are_shipped_are_good(name: str) -> None:
    assert "violence-by-country" in [rule.name for rule in read_rules(REPOSITORY / "deploy" / "rules" / name)]
