"""The demo counts what came, compares it with what must come, and says loudly what differs."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from tocsin_cli.demo.check import all_has_come, check_alerts, find_problems
from tocsin_cli.demo.feed_documents import article_path
from tocsin_cli.demo.narrate import Narrator
from tocsin_cli.demo.run import Ending
from tocsin_cli.demo.scenario import ExpectedAlert, Note, Scenario, ScenarioArticle, load_scenario
from tocsin_cli.demo.summary import print_summary, summarise
from tocsin_cli.demo.tally import SeenAlert, Tally
from tocsin_cli.show.alerts import name_change
from tocsin_contracts.alert import (
    AlertV1,
    Counts,
    Evidence,
    Group,
    RuleIdentity,
    Severity,
    Status,
    Threshold,
    Window,
)
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1, Escalation, ModelIdentity
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.dead_letters import make_dead_letter
from tocsin_contracts.fields import Source
from tocsin_contracts.ids import digest_id
from tocsin_contracts.scale import Direction

pytestmark = pytest.mark.unit

START = datetime(2026, 11, 24, 18, 0, 0, tzinfo=UTC)
BASE = "http://127.0.0.1:4711"
SOURCE = Source(name="Meridian Wire", domain="meridianwire.example")


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario()


def revision_of(article: ScenarioArticle) -> int:
    return 2 if article.note is Note.EDITED else 1


def arrived(article: ScenarioArticle) -> ArticleV1:
    story = "copies" if article.note is Note.SYNDICATED else article.id
    return ArticleV1(
        article_id=digest_id("url", article.id),
        revision=revision_of(article),
        content_hash="0" * 64,
        story_id=digest_id("story", story),
        url=f"{BASE}{article_path(article)}",
        title=article.title,
        text=article.text,
        source=SOURCE,
        fetched_at=START,
    )


def judged(article: ArticleV1, level: int) -> ClassifiedV1:
    return ClassifiedV1(
        **article.model_dump(include=set(ClassifiedV1.model_fields) & set(ArticleV1.model_fields)),
        classified_at=START,
        escalation=Escalation(
            level=level,
            probabilities=[float(number == level) for number in range(6)],
            confidence=1.0,
            direction=Direction.UNCHANGED,
            direction_confidence=1.0,
        ),
        model=ModelIdentity(name="m", version="1", scale_version="s"),
    )


def alert(
    place: str,
    level: int,
    revision: int,
    status: Status = Status.FIRING,
    *,
    rule: str = "violence-by-country",
    episode: int = 1,
    evidence: Iterable[ScenarioArticle] = (),
) -> AlertV1:
    return AlertV1(
        alert_id=digest_id(rule, place, str(episode)),
        fingerprint=digest_id(rule, place),
        revision=revision,
        status=status,
        severity=Severity.WARNING,
        rule=RuleIdentity(name=rule, version="1"),
        group=Group(place=place),
        level=level,
        direction=Direction.ESCALATING,
        counts=Counts(articles=3, stories=3, sources=3),
        threshold=Threshold(level=3, stories=3, sources=2),
        window=Window(starts_at=START, ends_at=START),
        starts_at=START,
        updated_at=START,
        ends_at=START if status is Status.RESOLVED else None,
        evidence=[
            Evidence(
                article_id=digest_id("url", article.id),
                revision=revision_of(article),
                story_id=digest_id("story", article.id),
                title=article.title,
                url=f"{BASE}{article_path(article)}",
                source=SOURCE,
                level=level,
                direction=Direction.ESCALATING,
                published_at=START,
                topic="demo.classified",
                partition=0,
                offset=0,
            )
            for article in evidence
        ],
        summary="something happens",
    )


def episode(place: str, levels: Iterable[int], *, resolved: bool = True) -> list[AlertV1]:
    revisions = [alert(place, level, number) for number, level in enumerate(levels, start=1)]
    if resolved:
        revisions.append(alert(place, revisions[-1].level, len(revisions) + 1, Status.RESOLVED))
    return revisions


def seen(alerts: Iterable[AlertV1], arrived_after_s: float = 60.0) -> list[SeenAlert]:
    levels: dict[str, int] = {}
    found = []
    for number, item in enumerate(alerts):
        change = name_change(item, levels.get(item.alert_id))
        levels[item.alert_id] = item.level
        moment = START + timedelta(seconds=arrived_after_s)
        found.append(SeenAlert(f"{int(moment.timestamp() * 1_000)}-{number}", item, change))
    return found


def right_alerts(scenario: Scenario) -> list[AlertV1]:
    return [item for wanted in scenario.expected.alerts for item in episode(wanted.place, [3, wanted.min_level])]


def perfect(scenario: Scenario) -> Tally:
    """What comes when everything goes as the scenario says."""
    tally = Tally()
    for article in scenario.articles:
        if article.note is Note.MALFORMED:
            tally.add(
                make_dead_letter(stage=Stage.INGEST, reason="empty-article", detail="", payload=b"{}", failed_at=START)
            )
        else:
            message = arrived(article)
            tally.add(message)
            tally.add(judged(message, article.intended_level))
    tally.alerts = seen(right_alerts(scenario))
    return tally


def expected(scenario: Scenario, place: str) -> ExpectedAlert:
    return next(item for item in scenario.expected.alerts if item.place == place)


def test_a_perfect_run_has_no_problems_and_is_complete(scenario: Scenario) -> None:
    tally = perfect(scenario)
    assert find_problems(scenario, tally, BASE) == []
    assert all_has_come(scenario, tally)
    assert tally.repeats == 0


def test_a_missing_alert_is_named(scenario: Scenario) -> None:
    alerts = [item for item in right_alerts(scenario) if item.group.place != "NA"]
    assert check_alerts(scenario.expected, alerts) == [
        "missing alert: violence-by-country for Namibia (NA) never fired"
    ]


def test_an_alert_of_another_rule_does_not_pass_for_the_expected_one(scenario: Scenario) -> None:
    alerts = [item for item in right_alerts(scenario) if item.group.place != "NA"]
    alerts += [alert("NA", 3, 1, rule="other"), alert("NA", 3, 2, Status.RESOLVED, rule="other")]
    problems = check_alerts(scenario.expected, alerts)
    assert len(problems) == 2
    assert "never fired" in problems[0]
    assert "unexpected alert: other for Namibia" in problems[1]


def test_an_unexpected_alert_is_named_with_the_articles_behind_it(scenario: Scenario) -> None:
    cause = scenario.articles[0]
    unexpected = [alert("BE", 3, 1, evidence=[cause]), alert("BE", 3, 2, Status.RESOLVED)]
    (problem,) = check_alerts(scenario.expected, [*right_alerts(scenario), *unexpected])
    assert problem.startswith("unexpected alert: violence-by-country for Belgium (BE), which must stay quiet")
    assert f"{cause.title} (level 3)" in problem


def test_an_alert_that_never_resolves_is_named_and_waited_for(scenario: Scenario) -> None:
    tally = perfect(scenario)
    alerts = [item for item in right_alerts(scenario) if item.group.place != "BO"]
    tally.alerts = seen([*alerts, *episode("BO", [3, 5], resolved=False)])
    assert find_problems(scenario, tally, BASE) == ["alert never resolved: violence-by-country for Bolivia (BO)"]
    assert not all_has_come(scenario, tally)


def test_an_alert_that_stays_too_low_is_named_with_its_level(scenario: Scenario) -> None:
    alerts = [item for item in right_alerts(scenario) if item.group.place != "PY"] + episode("PY", [3, 4])
    assert expected(scenario, "PY").min_level == 5
    assert check_alerts(scenario.expected, alerts) == [
        "alert too low: violence-by-country for Paraguay (PY) reached level 4, not 5"
    ]


def test_an_alert_that_fires_twice_is_too_much(scenario: Scenario) -> None:
    again = [alert("NA", 3, 1, episode=2), alert("NA", 3, 2, Status.RESOLVED, episode=2)]
    assert check_alerts(scenario.expected, [*right_alerts(scenario), *again]) == [
        "alert more than once: violence-by-country for Namibia (NA) fired 2 times"
    ]


def test_a_doubled_revision_is_too_much(scenario: Scenario) -> None:
    alerts = right_alerts(scenario)
    assert check_alerts(scenario.expected, [*alerts, alerts[0]]) == ["1 revisions of alerts came more than once"]


def test_an_article_that_never_came_in_is_named(scenario: Scenario) -> None:
    tally = perfect(scenario)
    gone = arrived(scenario.articles[3])
    del tally.articles[gone.article_id, 1], tally.classified[gone.article_id, 1]
    assert find_problems(scenario, tally, BASE) == [f"1 article never came in: {gone.title}"]
    assert not all_has_come(scenario, tally)


def test_an_edit_that_was_missed_is_named(scenario: Scenario) -> None:
    tally = perfect(scenario)
    edit = arrived(next(article for article in scenario.articles if article.note is Note.EDITED))
    del tally.articles[edit.article_id, 2], tally.classified[edit.article_id, 2]
    assert find_problems(scenario, tally, BASE) == [f"1 article never came in: {edit.title}"]


def test_an_article_that_ends_nowhere_is_named(scenario: Scenario) -> None:
    tally = perfect(scenario)
    lost = arrived(scenario.articles[3])
    del tally.classified[lost.article_id, 1]
    assert find_problems(scenario, tally, BASE) == [f"1 article ended nowhere: {lost.title}"]
    assert not all_has_come(scenario, tally)


def test_an_article_that_ends_twice_is_named(scenario: Scenario) -> None:
    tally = perfect(scenario)
    twice = arrived(scenario.articles[3])
    tally.add(
        make_dead_letter(
            stage=Stage.CLASSIFY,
            reason="handler-error",
            detail="",
            payload=b"{}",
            failed_at=START,
            article_id=twice.article_id,
        )
    )
    problems = find_problems(scenario, tally, BASE)
    assert problems[0] == f"1 article ended twice: {twice.title}"
    assert problems[1].startswith("dead letters: 2 instead of 1 (ingest: empty-article; classify: handler-error)")


def test_a_repeated_message_is_counted_but_kept_once(scenario: Scenario) -> None:
    tally = perfect(scenario)
    message = arrived(scenario.articles[0])
    settled = tally.settled
    tally.add(message)
    tally.add(judged(message, 5))
    assert (tally.repeats, tally.settled) == (2, settled)
    assert tally.classified[message.article_id, 1].escalation.level == scenario.articles[0].intended_level


def test_the_summary_counts_stories_copies_edits_and_levels(scenario: Scenario) -> None:
    tally = perfect(scenario)
    summary = summarise(scenario, tally, [], base_url=BASE, started_at=START, ended_at=START + timedelta(seconds=99))
    copies = sum(article.note is Note.SYNDICATED for article in scenario.articles)
    assert summary.ok
    assert (summary.articles, summary.classified) == (scenario.readable, scenario.readable)
    assert summary.edits == 1
    assert summary.syndicated_copies == copies - 1
    assert summary.stories == scenario.readable - 1 - (copies - 1)
    assert sum(summary.classified_per_level) == scenario.readable
    assert summary.misjudged == []
    assert [letter.reason for letter in summary.dead_letters] == ["empty-article"]
    assert (summary.alerts_fired, summary.alerts_resolved) == (3, 3)
    assert summary.elapsed_s == 99


def test_time_to_alert_runs_from_the_newest_article_and_leaves_resolutions_out(scenario: Scenario) -> None:
    tally = perfect(scenario)
    early, late = (article for article in scenario.articles if article.id in ("a07", "a12"))
    fired = seen([alert("BO", 3, 1, evidence=[early])], early.at_s + 1)
    raised = [
        SeenAlert(one.stream_id, one.alert, one.change)
        for one in seen([alert("BO", 3, 1), alert("BO", 4, 2, evidence=[late, early])], late.at_s + 3)[1:]
    ]
    resolved = seen([alert("BO", 4, 3, Status.RESOLVED, evidence=[late])], 170)
    tally.alerts = [*fired, *raised, *resolved]
    summary = summarise(scenario, tally, [], base_url=BASE, started_at=START, ended_at=START)
    assert summary.seconds_to_alert_median == 2.0
    assert summary.seconds_to_alert_worst == 3.0
    assert summary.alerts[0].fired_after_s == early.at_s + 1
    assert summary.alerts[0].resolved_after_s == 170


def test_a_misjudged_article_is_told_without_failing_the_demo(scenario: Scenario) -> None:
    tally = perfect(scenario)
    article = scenario.articles[0]
    message = arrived(article)
    tally.classified[message.article_id, 1] = judged(message, 4)
    assert find_problems(scenario, tally, BASE) == []
    summary = summarise(scenario, tally, [], base_url=BASE, started_at=START, ended_at=START)
    (wrong,) = summary.misjudged
    assert (wrong.id, wrong.intended_level, wrong.level) == (article.id, article.intended_level, 4)


@pytest.mark.parametrize("width", [80, 100])
def test_the_summary_fits_the_terminal_and_says_whether_it_went_well(scenario: Scenario, width: int) -> None:
    tally = perfect(scenario)
    problems = ["missing alert: violence-by-country for Namibia (NA) never fired"]
    for found, wanted in (([], "OK"), (problems, "FAILED")):
        console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
        summary = summarise(scenario, tally, found, base_url=BASE, started_at=START, ended_at=START)
        print_summary(console, summary, tally, [("tocsin up --detach", "start a stack")])
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert f" {wanted} " in text
        assert all(problem in " ".join(text.split()) for problem in found)
        assert "tocsin up --detach" in text
        assert max(len(line) for line in text.splitlines()) <= width


def test_the_end_comes_shortly_after_everything_has_come(scenario: Scenario) -> None:
    now = 0.0
    ending = Ending(lambda: now)
    tally = perfect(scenario)
    assert not ending.reached(scenario, Tally())
    assert not ending.reached(scenario, tally)
    now = 1.5
    assert not ending.reached(scenario, tally)
    now = 2.5
    assert ending.reached(scenario, tally)


def test_the_end_comes_when_no_alert_can_come_any_more(scenario: Scenario) -> None:
    now = 0.0
    ending = Ending(lambda: now)
    tally = perfect(scenario)
    tally.alerts = []
    assert not ending.reached(scenario, tally)
    now = 10.0
    assert not ending.reached(scenario, tally)
    now = 20.0
    assert ending.reached(scenario, tally)


def test_a_firing_alert_is_waited_for(scenario: Scenario) -> None:
    now = 0.0
    ending = Ending(lambda: now)
    tally = perfect(scenario)
    tally.alerts = seen(episode("BO", [3], resolved=False))
    assert not ending.reached(scenario, tally)
    now = 100.0
    assert not ending.reached(scenario, tally)


def narrated(alerts: list[AlertV1], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    narrator = Narrator(console)
    for one in seen(alerts):
        narrator.alert(one, 42.0)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_alerts_are_told_with_level_place_reason_and_a_few_links(scenario: Scenario) -> None:
    causes = [article for article in scenario.articles if article.note is Note.ARC_WAR][:5]
    text = narrated([alert("BO", 4, 1, evidence=causes)])
    for shown in ("FIRING", "Bolivia (BO)", "level 4", "something happens", "why", "at 42 s, and 2 more articles"):
        assert shown in text
    links = [line.strip() for line in text.splitlines() if line.strip().startswith("http")]
    assert links == [f"{BASE}{article_path(article)}" for article in causes[:3]]


def test_the_same_articles_are_not_told_twice_in_a_row(scenario: Scenario) -> None:
    causes = list(scenario.articles[:2])
    text = narrated([alert("BO", 4, 1, evidence=causes), alert("PY", 4, 1, evidence=causes)])
    assert text.count("http://") == len(causes)
    assert "Paraguay (PY)" in text
    assert "same articles" in text


def test_an_update_is_told_on_one_line(scenario: Scenario) -> None:
    text = narrated([alert("BO", 3, 1), alert("BO", 3, 2, evidence=scenario.articles[:2])])
    update = text[text.index("UPDATED") :]
    assert len(update.strip().splitlines()) == 1
    assert "Bolivia (BO)" in update


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_line_of_progress_never_wraps(scenario: Scenario, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    Narrator(console).progress(scenario, perfect(scenario), elapsed_s=100, appeared=88)
    assert isinstance(console.file, io.StringIO)
    (line,) = console.file.getvalue().splitlines()
    assert "100 s" in line
    assert len(line) <= width - 2
