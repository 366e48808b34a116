"""Near-identical texts share a story; texts about the same place do not."""

import random

import pytest

from tocsin_ingest.find_story import (
    MIN_SIMILARITY,
    Fingerprint,
    find_story,
    fingerprint,
    similarity,
    words_of,
)

pytestmark = pytest.mark.unit

REPORT = (
    "Two people were killed and nine wounded on Tuesday when artillery shells landed near the grain silos of Velm, the "
    "regional governor said. Rescue crews searched the rubble until nightfall. The army of the neighbouring republic "
    "denied that it had fired across the river. Both capitals called their ambassadors home, and the bridge at Velm, "
    "the only crossing for a hundred kilometres, was closed to all traffic. Diplomats said talks planned for "
    "Friday would still go ahead."
)
OTHER = (
    "The regional governor opened a new bridge at Velm on Tuesday, the only crossing of the river for a hundred "
    "kilometres. Farmers said that the grain silos could now be reached in an hour. The neighbouring republic sent a "
    "delegation, and both ambassadors cut the ribbon. Traffic is expected to double by the end of the year, according "
    "to the ministry of transport, which paid for most of the work."
)


class Stories:
    def __init__(self) -> None:
        self.asked = 0

    def find_or_book(self, story_id: str, fingerprint: Fingerprint) -> str:
        self.asked += 1
        return "f" * 32


def prints(text: str) -> Fingerprint:
    return fingerprint(words_of("", text))


def test_a_copy_with_another_first_and_last_line_is_the_same_story() -> None:
    copy = "VELM (Agency) - " + REPORT.replace("Diplomats said talks planned for Friday would still go ahead.", "")
    assert similarity(prints(REPORT), prints(copy)) >= MIN_SIMILARITY
    assert set(prints(REPORT).bands) & set(prints(copy).bands)


def test_another_report_from_the_same_place_is_another_story() -> None:
    assert similarity(prints(REPORT), prints(OTHER)) < 0.2


def test_case_punctuation_and_spaces_do_not_matter() -> None:
    assert prints(REPORT) == prints(REPORT.upper().replace(",", " , ").replace(".", "!"))


def test_fingerprints_are_the_same_in_every_process() -> None:
    # A changed library or seed would silently split every story in Redis: then this number changes.
    assert prints(REPORT).bands[0] == "0:" + prints(REPORT).signature[:16].hex()
    assert prints("one two three four").signature[:4].hex() == "dd36b44c"


def test_estimates_follow_the_share_of_text_in_common() -> None:
    rng = random.Random(7)
    words = [f"word{rng.randrange(5_000)}" for _ in range(400)]
    estimates = []
    for share in (1.0, 0.8, 0.4, 0.0):
        kept = int(len(words) * share)
        other = words[:kept] + [f"other{i}" for i in range(len(words) - kept)]
        estimates.append(similarity(fingerprint(words), fingerprint(other)))
    assert estimates[0] == 1.0
    assert estimates == sorted(estimates, reverse=True)
    assert estimates[1] > MIN_SIMILARITY > estimates[2]


def test_scripts_without_spaces_are_compared_too() -> None:
    text = "军队在黎明时分炮击了港口城市的鱼市场造成十二人受伤目击者说码头附近的建筑物起火燃烧"
    assert len(words_of("", text)) == len(text)
    assert similarity(prints(text), prints(text[3:])) >= MIN_SIMILARITY


def test_short_texts_share_a_story_only_when_they_are_the_same() -> None:
    stories = Stories()
    one = find_story("a" * 32, "Blast at Velm market kills two", "", stories)
    assert one == find_story("b" * 32, "BLAST at Velm market kills two!", "", stories)
    assert one != find_story("b" * 32, "Blast at Velm market kills three", "", stories)
    assert find_story("a" * 32, "Breaking news", "", stories) != find_story("b" * 32, "Breaking news", "", stories)
    assert stories.asked == 0


def test_long_texts_are_looked_up() -> None:
    assert find_story("a" * 32, "", REPORT, Stories()) == "f" * 32
