"""The demo's bundled scenario keeps what the demo and its expectations rely on."""

import json
import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

SCENARIO = Path(__file__).parents[3] / "services/cli/src/tocsin_cli/demo/scenario"
NOTES = {
    "arc-war", "arc-cooling", "noisy", "hard-negative", "syndicated", "edited", "malformed", "background",
}  # fmt: skip
DIRECTIONS = {"escalating", "unchanged", "de-escalating"}
# Figures of deploy/rules/demo.yaml that the timing below depends on: stories to fire, level that counts.
STORIES_TO_FIRE = 3
FIRING_LEVEL = 3

pytestmark = pytest.mark.unit

Article = dict[str, Any]


def read_scenario() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SCENARIO / "scenario.yaml").read_text(encoding="utf-8"))
    return loaded


def read_articles() -> list[Article]:
    lines = (SCENARIO / "articles.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def readable_originals() -> list[Article]:
    return [article for article in read_articles() if article["note"] not in {"edited", "malformed"}]


def words(article: Article) -> int:
    return len(article["text"].split())


def contributing_stories(place: str) -> list[Article]:
    """What a perfect classifier would count towards an alert for the place, one article per syndicated text."""
    seen: set[str] = set()
    stories = []
    for article in readable_originals():
        counts = article["intended_level"] >= FIRING_LEVEL and article["intended_direction"] != "de-escalating"
        story = article["note"] if article["note"] == "syndicated" else article["id"]
        if counts and place in article["places"] and story not in seen:
            seen.add(story)
            stories.append(article)
    return stories


def test_every_article_has_the_same_well_formed_fields() -> None:
    fields = {
        "id", "outlet", "at_s", "title", "text", "language", "note", "intended_level", "intended_direction", "places",
    }  # fmt: skip
    for article in read_articles():
        assert set(article) == (fields | {"raw"} if article["note"] == "malformed" else fields), article["id"]
        assert re.fullmatch(r"[a-z]\d\d", article["id"])
        assert article["note"] in NOTES
        assert article["intended_level"] in range(6)
        assert article["intended_direction"] in DIRECTIONS
        assert all(re.fullmatch(r"[A-Z]{2}", place) for place in article["places"])


def test_there_are_enough_articles_and_enough_long_ones() -> None:
    originals = readable_originals()
    long_ones = [article for article in originals if 300 <= words(article) <= 700]
    assert len(originals) >= 66
    assert len(long_ones) >= 14
    for article in originals:
        assert article in long_ones or 60 <= words(article) <= 200, (article["id"], words(article))


def test_only_the_edited_article_repeats_an_id_and_its_text_changed_later() -> None:
    articles = read_articles()
    repeated = {key: count for key, count in Counter(article["id"] for article in articles).items() if count > 1}
    edited = [article for article in articles if article["note"] == "edited"]
    assert len(edited) == 1
    assert repeated == {edited[0]["id"]: 2}
    original = next(article for article in articles if article["id"] == edited[0]["id"])
    assert original["note"] != "edited"
    assert original["at_s"] < edited[0]["at_s"]
    assert original["outlet"] == edited[0]["outlet"]
    assert original["text"] != edited[0]["text"]


def test_articles_appear_in_order_and_within_the_duration() -> None:
    times = [article["at_s"] for article in read_articles()]
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times[0] >= 0
    assert times[-1] <= read_scenario()["duration_s"] == 95


def test_outlets_cover_the_formats_and_languages_and_match_their_articles() -> None:
    outlets = {outlet["key"]: outlet for outlet in read_scenario()["outlets"]}
    assert all(outlet["domain"].endswith(".example") for outlet in outlets.values())
    assert Counter(outlet["format"] for outlet in outlets.values()).keys() == {"rss", "atom", "jsonfeed"}
    assert {"en", "es", "fr", "ar"} == {outlet["language"] for outlet in outlets.values()}
    articles = read_articles()
    assert {article["outlet"] for article in articles} == set(outlets)
    assert all(article["language"] == outlets[article["outlet"]]["language"] for article in articles)


def test_exactly_one_item_is_malformed_and_cannot_become_an_article() -> None:
    malformed = [article for article in read_articles() if article["note"] == "malformed"]
    assert len(malformed) == 1
    assert malformed[0]["title"] == malformed[0]["text"] == ""
    assert malformed[0]["raw"]["pubDate"]
    assert read_scenario()["expected"]["dead_letters"] == 1


def test_syndicated_copies_differ_a_little_and_come_within_seconds_from_different_outlets() -> None:
    copies = [article for article in read_articles() if article["note"] == "syndicated"]
    assert len(copies) >= 5
    assert len({copy["outlet"] for copy in copies}) == len(copies)
    assert max(copy["at_s"] for copy in copies) - min(copy["at_s"] for copy in copies) <= 10
    assert len({copy["title"] + copy["text"] for copy in copies}) == len(copies)
    for one, other in combinations(copies, 2):
        assert SequenceMatcher(None, one["text"].split(), other["text"].split()).ratio() > 0.93


def test_no_two_other_articles_resemble_each_other() -> None:
    def shingles(article: Article) -> set[tuple[str, ...]]:
        tokens = article["text"].split()
        return set(zip(tokens, tokens[1:], tokens[2:], strict=False))

    others = [(article["id"], shingles(article)) for article in readable_originals() if article["note"] != "syndicated"]
    for (one_id, one), (other_id, other) in combinations(others, 2):
        assert len(one & other) / len(one | other) < 0.1, (one_id, other_id)


def test_expected_alerts_follow_from_what_the_articles_intend() -> None:
    alerts = read_scenario()["expected"]["alerts"]
    assert {alert["place"] for alert in alerts} == {"BO", "PY", "NA"}
    for alert in alerts:
        stories = contributing_stories(alert["place"])
        at_level = [story for story in stories if story["intended_level"] >= alert["min_level"]]
        assert len(at_level) >= 5, alert
        assert len({story["outlet"] for story in at_level}) >= 3, alert
        assert {story["note"] for story in stories} == {alert["arc"]}


def test_the_war_climbs_through_every_level_from_at_least_four_outlets() -> None:
    war = [article for article in read_articles() if article["note"] == "arc-war"]
    rising = [article for article in war if article["intended_direction"] != "de-escalating"]
    first_seen: dict[int, int] = defaultdict(lambda: 10**9)
    for article in rising:
        level = article["intended_level"]
        first_seen[level] = min(first_seen[level], article["at_s"])
    assert [level for level, _ in sorted(first_seen.items(), key=lambda item: item[1])] == [1, 2, 3, 4, 5]
    assert len({article["outlet"] for article in rising if article["intended_level"] >= FIRING_LEVEL}) >= 4
    assert any(article["intended_direction"] == "de-escalating" for article in war)


def test_fighting_ends_early_enough_for_the_alerts_to_resolve() -> None:
    fighting = [article for place in ("BO", "PY", "NA") for article in contributing_stories(place)]
    assert max(article["at_s"] for article in fighting) <= 60
    late = [article for article in read_articles() if article["at_s"] > 60]
    assert all(article["intended_level"] < FIRING_LEVEL for article in late)


def test_places_that_must_stay_quiet_never_reach_the_threshold() -> None:
    scenario = read_scenario()["expected"]
    quiet = set(scenario["must_not_alert"])
    alerting = {alert["place"] for alert in scenario["alerts"]}
    assert not quiet & alerting
    assert quiet | alerting == {place for article in read_articles() for place in article["places"]}
    for place in quiet:
        assert len(contributing_stories(place)) < STORIES_TO_FIRE, place
    noisy = [article for article in read_articles() if article["note"] == "noisy"]
    assert len(noisy) >= 10
    assert all(article["intended_level"] <= 2 for article in noisy)


def test_hard_negatives_are_many_and_some_are_long() -> None:
    hard = [article for article in read_articles() if article["note"] == "hard-negative"]
    assert len(hard) >= 6
    assert all(article["intended_level"] <= 1 for article in hard)
    assert sum(words(article) >= 300 for article in hard) >= 3
