"""Compares what came with what the scenario says must come. Pure; an empty answer means that all is well."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from tocsin_cli.demo.feed_documents import article_path
from tocsin_cli.demo.scenario import Expected, ExpectedAlert, Note, Scenario
from tocsin_cli.demo.tally import ArticleKey, Tally, latest
from tocsin_cli.show.countries import country_name
from tocsin_contracts.alert import AlertV1, Status

_NAMED: Final = 5


def find_problems(scenario: Scenario, tally: Tally, base_url: str) -> list[str]:
    """Return every way in which the outcome differs from the expected one, as sentences."""
    return [
        *check_articles(scenario, tally, base_url),
        *check_outcomes(tally),
        *check_dead_letters(scenario.expected, tally),
        *check_alerts(scenario.expected, [seen.alert for seen in tally.alerts]),
    ]


def all_has_come(scenario: Scenario, tally: Tally) -> bool:
    """Return whether there is nothing left to wait for: every article has ended, every expected alert is complete."""
    arrived = len(tally.articles) >= scenario.readable and tally.settled >= len(scenario.articles)
    return arrived and not tally.firing and not missing_alerts(scenario.expected, [seen.alert for seen in tally.alerts])


def check_articles(scenario: Scenario, tally: Tally, base_url: str) -> list[str]:
    """Every readable article of the scenario, edits included, must be on the topic of articles, and nothing else."""
    arrived = Counter(article.url or "(no address)" for article in tally.articles.values())
    published = Counter(
        f"{base_url}{article_path(article)}" for article in scenario.articles if article.note is not Note.MALFORMED
    )
    titles = {f"{base_url}{article_path(article)}": article.title for article in scenario.articles}
    problems = []
    if missing := published - arrived:
        problems.append(f"{_articles(missing.total())} never came in: {_list(titles[url] for url in missing)}")
    if surplus := arrived - published:
        problems.append(f"{_articles(surplus.total())} too many came in: {_list(surplus)}")
    return problems


def check_outcomes(tally: Tally) -> list[str]:
    """Every article that came in must end in exactly one of: classified, dead letter."""
    refused = Counter(letter.article_id for letter in tally.dead_letters.values() if letter.article_id)
    problems = []
    lost = [key for key in tally.articles if key not in tally.classified and not refused[key[0]]]
    if lost:
        problems.append(f"{_articles(len(lost))} ended nowhere: {_list(_title(tally, key) for key in lost)}")
    both = [key for key in tally.classified if refused[key[0]]]
    if both:
        problems.append(f"{_articles(len(both))} ended twice: {_list(_title(tally, key) for key in both)}")
    unknown = [key for key in tally.classified if key not in tally.articles]
    if unknown:
        problems.append(f"{_articles(len(unknown))} classified that never came in: {_list(key[0] for key in unknown)}")
    return problems


def check_dead_letters(expected: Expected, tally: Tally) -> list[str]:
    """As many dead letters as the scenario has malformed items."""
    found = len(tally.dead_letters)
    if found == expected.dead_letters:
        return []
    reasons = _list(f"{letter.stage}: {letter.reason}" for letter in tally.dead_letters.values())
    return [f"dead letters: {found} instead of {expected.dead_letters}{f' ({reasons})' if reasons else ''}"]


def check_alerts(expected: Expected, alerts: list[AlertV1]) -> list[str]:
    """The expected alerts, each once and to its end, and no other."""
    problems = missing_alerts(expected, alerts)
    wanted = {(alert.rule, alert.place): alert for alert in expected.alerts}
    episodes = Counter((alert.rule.name, alert.group.place) for alert in latest(alerts))
    for (rule, place), count in episodes.items():
        name = f"{rule} for {_place(place)}"
        if (rule, place) not in wanted:
            quiet = ", which must stay quiet" if place in expected.must_not_alert else ""
            problems.append(f"unexpected alert: {name}{quiet}{_because(alerts, rule, place)}")
        elif count > 1:
            problems.append(f"alert more than once: {name} fired {count} times")
    revisions = Counter((alert.alert_id, alert.revision) for alert in alerts)
    if doubled := sum(count - 1 for count in revisions.values()):
        problems.append(f"{doubled} revisions of alerts came more than once")
    return problems


def missing_alerts(expected: Expected, alerts: list[AlertV1]) -> list[str]:
    """Say of every expected alert what it lacks: it never fired, stayed too low or never resolved."""
    by_group: dict[tuple[str, str | None], list[AlertV1]] = {}
    for alert in alerts:
        by_group.setdefault((alert.rule.name, alert.group.place), []).append(alert)
    return [problem for wanted in expected.alerts if (problem := _lacking(wanted, by_group))]


def _lacking(wanted: ExpectedAlert, by_group: Mapping[tuple[str, str | None], list[AlertV1]]) -> str | None:
    name = f"{wanted.rule} for {_place(wanted.place)}"
    found = by_group.get((wanted.rule, wanted.place))
    if not found:
        return f"missing alert: {name} never fired"
    highest = max(alert.level for alert in found)
    if highest < wanted.min_level:
        return f"alert too low: {name} reached level {highest}, not {wanted.min_level}"
    if wanted.must_resolve and any(alert.status is not Status.RESOLVED for alert in latest(found)):
        return f"alert never resolved: {name}"
    return None


def _because(alerts: list[AlertV1], rule: str, place: str | None) -> str:
    first = next(alert for alert in alerts if (alert.rule.name, alert.group.place) == (rule, place))
    titles = _list(f"{item.title} (level {item.level})" for item in first.evidence)
    return f"; because of {titles}" if titles else ""


def _place(code: str | None) -> str:
    return "everywhere" if code is None else f"{country_name(code)} ({code})"


def _title(tally: Tally, key: ArticleKey) -> str:
    message = tally.articles.get(key) or tally.classified[key]
    return message.title or key[0]


def _articles(count: int) -> str:
    return "1 article" if count == 1 else f"{count} articles"


def _list(names: Iterable[str]) -> str:
    found = list(names)
    rest = len(found) - _NAMED
    return "; ".join(found[:_NAMED]) + (f"; and {rest} more" if rest > 0 else "")
