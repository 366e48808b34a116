"""The expression language of `tocsin inspect --where`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli_messages import START, a_classified, a_dead_letter, an_alert, an_article
from tocsin_cli.inspect.choose_messages import BadChoice, Choice, build_test
from tocsin_cli.inspect.fields import FIELDS
from tocsin_cli.inspect.match_where import compile_where
from tocsin_cli.inspect.parse_where import (
    MAX_DEPTH,
    OPERATORS,
    All,
    AnyOf,
    Comparison,
    Expression,
    Not,
    WhereError,
    parse_where,
    point_at,
    show_where,
)
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1
from tocsin_contracts.fields import Message

pytestmark = pytest.mark.unit


def fits(text: str, message: Message) -> bool:
    return compile_where(parse_where(text), type(message), START)(message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("level>=3", True),
        ("level>3", False),
        ("level == 3 and place==SY", True),
        ("level==war or place==SY", True),
        ("level=='violent crisis'", True),
        ("level<violent-crisis", False),
        ("place==Syria", True),
        ("place!=SY", False),
        ("place!=UA", True),
        ("not place==SY", False),
        ("topic==armed-conflict", True),
        ("topic=='armed conflict' and topic==medtop:20000056", True),
        ("topic==riot", False),
        ("title~'ORLOV bridge'", True),
        ("source==news.example", True),
        ('source=="example courier"', True),
        ("source==example.org", False),
        ("direction==escalating", True),
        ("abstained==yes", False),
        ("confidence>0.89 and confidence<=0.9", True),
        ("published_at>=2026-11-24T12:01Z", True),
        ("published_at<2026-11-24T12:01Z", False),
        ("published_at>1h", True),
        ("level==5 or level==3 and place==SY", True),
        ("(level==5 or level==3) and place==UA", False),
        ("NOT level==5 AND not (place==UA)", True),
        ("feed==x", False),
        ("feed!=x", False),
    ],
)
def test_an_expression_says_whether_a_classification_fits(text: str, expected: bool) -> None:
    assert fits(text, a_classified(1, level=3)) is expected


def test_every_kind_of_message_has_fields_to_compare() -> None:
    assert fits("language==en and text~blame", an_article())
    assert fits("status==firing and severity>=warning and rule==fighting and stories>=4", an_alert())
    assert fits("severity<critical and status!=resolved and place==SY", an_alert())
    assert fits("stage==classify and reason==not-json and retryable==no", a_dead_letter())


@pytest.mark.parametrize("kind", FIELDS)
def test_every_field_can_be_read_from_a_real_message(kind: type[Message]) -> None:
    samples: dict[type[Message], Message] = {
        type(m): m for m in (an_article(), a_classified(), an_alert(), a_dead_letter())
    }
    for name, field in FIELDS[kind].items():
        assert isinstance(field.read(samples[kind]), list), name
        assert compile_where(parse_where(f"{name}~'no such thing'"), kind, START)(samples[kind]) is False


@pytest.mark.parametrize(
    ("text", "position", "part"),
    [
        ("", 0, "expected a field"),
        ("level", 5, "expected one of =="),
        ("level>=", 7, "expected a value"),
        ("level=3", 5, "write =="),
        ("level>=3 and", 12, "expected a field"),
        ("level>=3 place==SY", 9, "expected `and`"),
        ("(level>=3", 0, "never closed"),
        ("level>=3)", 8, "expected `and`"),
        ("title~'unclosed", 6, "never closed"),
        ("!level>=3", 0, "single !"),
        ("lvel>=3", 0, "did you mean level"),
        ("level>=high", 7, "does not fit level"),
        ("place==Atlantis", 7, "no country"),
        ("topic==armed-conflct", 7, "did you mean armed-conflict"),
        ("direction==sideways", 11, "escalating, unchanged, de-escalating"),
        ("title>a", 0, "has no order"),
        ("published_at>yesterday", 13, "is no time"),
        ("abstained==maybe", 11, "yes or no"),
    ],
)
def test_an_error_names_the_place_and_what_was_expected(text: str, position: int, part: str) -> None:
    with pytest.raises(WhereError) as caught:
        compile_where(parse_where(text), ClassifiedV1, START)
    assert caught.value.position == position
    assert part in str(caught.value)
    assert f"character {position + 1}" in point_at(text, caught.value)


@pytest.mark.parametrize("text", ["(" * 10_000, "not " * 400 + "level==1", "(" * 500 + "level==1" + ")" * 500])
def test_deep_nesting_is_an_error_and_not_a_crash(text: str) -> None:
    with pytest.raises(WhereError):
        parse_where(text)


def test_nesting_below_the_bound_is_understood() -> None:
    depth = MAX_DEPTH - 1
    assert fits("(" * depth + "level==3" + ")" * depth, a_classified(level=3))


words = st.text(min_size=1, max_size=12)
comparisons = st.builds(
    Comparison, st.sampled_from(["level", "place", "title", "nofield"]), st.sampled_from(OPERATORS), words
)
expressions: st.SearchStrategy[Expression] = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def without_positions(expression: Expression) -> Expression:
    match expression:
        case Comparison(field, operator, value):
            return Comparison(field, operator, value)
        case Not(part):
            return Not(without_positions(part))
        case All(parts):
            return All(tuple(without_positions(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(without_positions(part) for part in parts))


@settings(max_examples=150, deadline=None)
@given(expressions)
def test_a_shown_expression_parses_to_itself(expression: Expression) -> None:
    assert without_positions(parse_where(show_where(expression))) == without_positions(expression)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="level placenot andor()=!<>~'\"\\3SY.é\x1b\n", max_size=60))
def test_no_text_raises_anything_but_an_error_with_a_place(text: str) -> None:
    position = 0
    try:
        compile_where(parse_where(text), ClassifiedV1, START)(a_classified())
    except WhereError as error:
        position = error.position
    assert 0 <= position <= len(text)


levels = st.integers(0, 5)
level_comparisons = st.builds(
    lambda operator, level: Comparison("level", operator, str(level)), st.sampled_from(["==", "!=", ">", "<"]), levels
)


@settings(max_examples=100, deadline=None)
@given(st.lists(level_comparisons, min_size=1, max_size=4), levels, st.sampled_from(["and", "or"]))
def test_comparisons_agree_with_python(parts: list[Comparison], level: int, word: str) -> None:
    text = f" {word} ".join(f"level{part.operator}{part.value}" for part in parts)
    assert fits(text, a_classified(level=level)) is bool(eval(text, {"level": level}))  # noqa: S307 - our own text


def test_options_and_expression_hold_together_and_alternatives_within_one_option_suffice() -> None:
    test = build_test(Choice(where="confidence>0.5", min_level=3, places=("UA", "Syria")), ClassifiedV1, START)
    assert test is not None
    assert test(a_classified(level=3))
    assert not test(a_classified(level=2))
    elsewhere = a_classified(level=3, places=[{"country": "DE", "name": "Germany", "count": 1}])
    assert not test(elsewhere)


def test_no_options_ask_for_no_test() -> None:
    assert build_test(Choice(), AlertV1, START) is None


def test_an_option_that_the_messages_cannot_answer_is_named() -> None:
    with pytest.raises(BadChoice, match=r"^--min-level: no field level"):
        build_test(Choice(min_level=3), DeadLetterV1, START)
    with pytest.raises(BadChoice, match=r"^--where: .*character 3"):
        build_test(Choice(where="( )"), AlertV1, START)
