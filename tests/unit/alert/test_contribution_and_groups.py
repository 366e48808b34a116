"""From a classified article to contributions, and to the groups they belong to."""

import json
from datetime import timedelta
from typing import Any

import pytest

from alert_messages import at, classified, make_rule, moment
from tocsin_alert.contribution import MAX_SENTENCE, MAX_TAGS, Position, as_evidence, contribute, event_time, main_places
from tocsin_alert.fingerprint import alert_id_of, fingerprint_of
from tocsin_alert.groups import group_key, groups_of, read_group_key
from tocsin_alert.rule import Filters
from tocsin_alert.state import GroupState, dump_state, load_state
from tocsin_alert.timeline import Held
from tocsin_contracts.alert import Group
from tocsin_contracts.classified import ClassifiedV1, EvidencePart, EvidenceSentence, PlaceRole
from tocsin_contracts.fields import Source
from tocsin_contracts.media_topics import TOPIC_NAMES
from tocsin_contracts.scale import Direction

pytestmark = pytest.mark.unit

POSITION = Position("tocsin.classified", 3, 9)


def counts(filters: dict[str, Any], **article: Any) -> bool:
    return contribute(make_rule(filters=filters), classified("a", moment(0), **article), POSITION).counts


def test_event_time_is_publication_when_sane_else_the_fetch() -> None:
    fetched = moment(1_000)
    message = classified("a", moment(0), fetched_at=fetched)

    assert event_time(message) == at(0)
    assert event_time(message.model_copy(update={"published_at": None})) == at(1_000)
    assert event_time(message.model_copy(update={"published_at": fetched + timedelta(hours=3)})) == at(1_000)
    assert event_time(message.model_copy(update={"published_at": fetched + timedelta(minutes=5)})) == at(1_000)


@pytest.mark.parametrize(
    ("filters", "article", "expected"),
    [
        ({}, {"level": 3}, True),
        ({}, {"level": 2}, False),
        ({}, {"abstained": True}, False),
        ({"include_abstained": True}, {"abstained": True}, True),
        ({"confidence": 0.8}, {"confidence": 0.7}, False),
        ({"directions": ["escalating"]}, {"direction": Direction.DE_ESCALATING}, False),
        ({"topics": ["riot"]}, {"topics": ["medtop:20000056"]}, False),
        ({"topics": ["riot"]}, {"topics": ["medtop:20000056", "medtop:20000069"]}, True),
        ({"places": ["IQ"]}, {}, False),
        ({"places": ["SY"]}, {}, True),
        ({"sources": ["wire.example"]}, {"source": "wire"}, True),
        ({"sources": ["example"]}, {"source": "wire"}, True),
        ({"sources": ["ire.example"]}, {"source": "wire"}, False),
        ({"sources": ["WIRE"]}, {"source": "wire"}, True),
    ],
)
def test_filters_decide_what_counts(filters: dict[str, Any], article: dict[str, Any], expected: bool) -> None:
    assert counts(filters, **article) is expected


def test_a_country_named_in_passing_is_none_that_the_article_is_about() -> None:
    message = classified("a", moment(0), places=[("US", "United States", 1), ("SY", "Syria", 5), ("IQ", "Iraq", 3)])

    assert main_places(Filters(), message) == ("SY", "IQ")
    assert main_places(Filters(place_share=0), message) == ("SY", "IQ", "US")
    assert main_places(Filters(place_share=1), message) == ("SY",)


def test_a_country_that_only_comments_counts_for_rules_that_ask_for_it() -> None:
    message = classified("a", moment(0), places=[("SY", "Syria", 4), ("FR", "France", 4)])
    comment = message.places[1].model_copy(update={"role": PlaceRole.MENTION, "score": 0.2})
    message = message.model_copy(update={"places": [message.places[0], comment]})

    assert main_places(Filters(), message) == ("SY",)
    assert main_places(Filters.model_validate({"places_role": "any"}), message) == ("SY", "FR")
    for role, expected in (("scene", []), ("any", ["test-rule/FR"])):
        rule = make_rule(filters={"places": ["FR"], "places_role": role})
        groups = groups_of(rule, contribute(rule, message, POSITION))
        assert [group_key(rule.name, group) for group in groups] == expected


def test_countries_that_only_comment_do_not_hide_how_often_a_scene_is_named() -> None:
    message = classified("a", moment(0), places=[("US", "United States", 9), ("SY", "Syria", 2)])
    comment = message.places[0].model_copy(update={"role": PlaceRole.MENTION})
    message = message.model_copy(update={"places": [comment, message.places[1]]})

    assert main_places(Filters(), message) == ("SY",)


def test_the_tags_of_a_contribution_are_bounded() -> None:
    places = [(f"{first}{second}", "Somewhere", 1) for first in "ABCDEF" for second in "ABCDEF"]
    message = classified("a", moment(0), places=places, topics=list(TOPIC_NAMES))

    item = contribute(make_rule(group_by="both"), message, POSITION)

    assert len(item.places) == len(item.topics) == MAX_TAGS
    assert len(groups_of(make_rule(group_by="both"), item)) == MAX_TAGS**2


@pytest.mark.parametrize(
    ("group_by", "filters", "expected"),
    [
        ("none", {}, ["test-rule/all"]),
        ("place", {}, ["test-rule/SY", "test-rule/IQ"]),
        ("place", {"places": ["IQ"]}, ["test-rule/IQ"]),
        ("topic", {}, ["test-rule/medtop:20000056", "test-rule/medtop:20000069"]),
        ("topic", {"topics": ["riot"]}, ["test-rule/medtop:20000069"]),
        ("both", {"places": ["IQ"], "topics": ["riot"]}, ["test-rule/IQ/medtop:20000069"]),
    ],
)
def test_an_article_counts_in_the_groups_of_its_tags(
    group_by: str, filters: dict[str, Any], expected: list[str]
) -> None:
    rule = make_rule(group_by=group_by, filters=filters)
    message = classified(
        "a",
        moment(0),
        places=[("SY", "Syria", 2), ("IQ", "Iraq", 2)][::1],
        topics=["medtop:20000056", "medtop:20000069"],
    )

    keys = [group_key(rule.name, group) for group in groups_of(rule, contribute(rule, message, POSITION))]

    assert sorted(keys) == sorted(expected)
    assert [group_key(*read_group_key(key)) for key in keys] == keys


@pytest.mark.parametrize("key", ["", "rule", "rule/", "rule/xx", "rule/SY/medtop:20000056/more", "/SY", "a/b:c"])
def test_what_is_no_key_of_a_group_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_group_key(key)


def test_sources_are_the_same_by_domain_else_by_name() -> None:
    item = contribute(make_rule(), classified("a", moment(0), source="wire"), POSITION)

    assert item.source_key == "wire.example"
    named = contribute(
        make_rule(),
        classified("a", moment(0)).model_copy(update={"source": Source(name="The Wire")}),
        POSITION,
    )
    assert named.source_key == "the wire"


def test_identities_are_functions_of_what_they_name() -> None:
    place, other = fingerprint_of("rule", Group(place="SY")), fingerprint_of("rule", Group(place="IQ"))

    assert place == fingerprint_of("rule", Group(place="SY"))
    assert len({place, other, fingerprint_of("rule2", Group(place="SY")), fingerprint_of("rule", Group())}) == 4
    assert alert_id_of(place, 1) != alert_id_of(place, 2)


def quoting(*sentences: tuple[str, str]) -> ClassifiedV1:
    message = classified("a", moment(0))
    evidence = [
        EvidenceSentence(part=EvidencePart(part), start=0, end=len(text), text=text, level=4, confidence=0.9)
        for part, text in sentences
    ]
    return message.model_copy(update={"evidence": evidence})


def test_a_contribution_quotes_the_strongest_sentence_of_the_text() -> None:
    message = quoting(("title", "Shelling."), ("text", "Shells fell."), ("text", "They fled."))
    item = contribute(make_rule(), message, POSITION)

    assert item.sentence == "Shells fell."
    assert as_evidence(item).sentence == "Shells fell."
    assert item.withdrawn().sentence is None
    assert contribute(make_rule(), quoting(("title", "Shelling.")), POSITION).sentence is None
    assert contribute(make_rule(filters={"confidence": 0.95}), message, POSITION).sentence is None


def test_a_long_sentence_is_cut_to_keep_the_state_small() -> None:
    sentence = contribute(make_rule(), quoting(("text", "word " * 79 + "end.")), POSITION).sentence

    assert sentence is not None
    assert len(sentence) <= MAX_SENTENCE
    assert sentence.endswith("word…")


def test_a_state_keeps_the_sentences_and_one_from_before_there_were_any_is_read() -> None:
    quoted = contribute(make_rule(), quoting(("text", "Shells fell.")), POSITION)
    plain = contribute(make_rule(), classified("b", moment(1)), POSITION)
    state = GroupState(Group(place="SY"), "Syria", held=tuple(Held(item, 0, 1) for item in (quoted, plain)))

    text = dump_state(state, make_rule())

    assert load_state(text)[0].held == state.held
    rows = json.loads(text)["held"]
    assert len(rows[0]) == len(rows[1]) + 1
    older = text.replace(',"Shells fell."', "")
    assert [item.contribution.sentence for item in load_state(older)[0].held] == [None, None]
