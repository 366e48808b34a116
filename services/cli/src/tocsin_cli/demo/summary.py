"""What the demo amounts to: figures for people and for machines. Pure but for printing."""

from datetime import datetime, timedelta
from statistics import median
from typing import Final

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tocsin_cli.demo.feed_documents import article_path
from tocsin_cli.demo.scenario import Note, Scenario, ScenarioArticle
from tocsin_cli.demo.tally import SeenAlert, Tally, latest
from tocsin_cli.show.alerts import Change, group_name
from tocsin_cli.show.printable import one_line
from tocsin_cli.show.scale import level_style, level_text
from tocsin_contracts.alert import Status
from tocsin_contracts.scale import LEVEL_NAMES

_BAR_WIDTH: Final = 30


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class AlertOutcome(_Figures):
    """One alert from its first revision to its last."""

    alert_id: str
    rule: str
    place: str | None
    highest_level: int
    revisions: int
    resolved: bool
    fired_after_s: float
    resolved_after_s: float | None


class Misjudged(_Figures):
    """An article that the model put on another level than its author meant."""

    id: str
    title: str
    intended_level: int
    level: int


class DeadLetterFigures(_Figures):
    """A refused item."""

    stage: str
    reason: str
    detail: str


class Summary(_Figures):
    """The outcome of the demo. Times in seconds; `problems` is empty exactly when `ok`."""

    ok: bool
    problems: list[str]
    scenario: str
    elapsed_s: float
    articles: int
    edits: int
    sources: int
    stories: int
    syndicated_copies: int
    classified: int
    classified_per_level: list[int]
    misjudged: list[Misjudged]
    dead_letters: list[DeadLetterFigures]
    repeated_messages: int
    alerts_fired: int
    alerts_resolved: int
    alerts: list[AlertOutcome]
    seconds_to_classified_median: float | None
    seconds_to_classified_worst: float | None
    seconds_to_alert_median: float | None
    seconds_to_alert_worst: float | None


def summarise(
    scenario: Scenario, tally: Tally, problems: list[str], *, base_url: str, started_at: datetime, ended_at: datetime
) -> Summary:
    """Return the figures of a demo whose clock ran from `started_at` to `ended_at`."""
    delays = seconds_to_alert(scenario, tally.alerts, base_url, started_at)
    classified = seconds_to_classified(scenario, tally, base_url, started_at)
    outcomes = [_outcome(tally.alerts, final.alert_id, started_at) for final in latest(x.alert for x in tally.alerts)]
    stories = {article.story_id for article in tally.articles.values()}
    distinct = {article.article_id for article in tally.articles.values()}
    return Summary(
        ok=not problems,
        problems=problems,
        scenario=scenario.name,
        elapsed_s=round((ended_at - started_at).total_seconds(), 1),
        articles=len(tally.articles),
        edits=len(tally.articles) - len(distinct),
        sources=len({article.source.name for article in tally.articles.values()}),
        stories=len(stories),
        syndicated_copies=len(distinct) - len(stories),
        classified=len(tally.classified),
        classified_per_level=tally.per_level(),
        misjudged=misjudged(scenario, tally, base_url),
        dead_letters=[
            DeadLetterFigures(stage=letter.stage.value, reason=letter.reason, detail=letter.detail)
            for letter in tally.dead_letters.values()
        ],
        repeated_messages=tally.repeats,
        alerts_fired=len(outcomes),
        alerts_resolved=sum(outcome.resolved for outcome in outcomes),
        alerts=outcomes,
        seconds_to_classified_median=_median(classified),
        seconds_to_classified_worst=_worst(classified),
        seconds_to_alert_median=_median(delays),
        seconds_to_alert_worst=_worst(delays),
    )


def seconds_to_alert(scenario: Scenario, alerts: list[SeenAlert], base_url: str, started_at: datetime) -> list[float]:
    """Return for each revision that fired or raised an alert how long after its newest article it came.

    From the moment that the newest article of its evidence appeared in its feed to the moment that the revision was on
    Redis' stream. A resolution is left out: it follows from silence.
    """
    appeared = _appeared(scenario, base_url, started_at)
    delays = []
    for seen in alerts:
        if seen.change not in (Change.FIRING, Change.RAISED):
            continue
        moments = [appeared.get((item.url or "", item.revision)) for item in seen.alert.evidence]
        known = [moment for moment in moments if moment is not None]
        if known:
            delays.append(max(0.0, (seen.arrived_at - max(known)).total_seconds()))
    return delays


def seconds_to_classified(scenario: Scenario, tally: Tally, base_url: str, started_at: datetime) -> list[float]:
    """Return for each article how long after its appearance in the feed it was classified."""
    appeared = _appeared(scenario, base_url, started_at)
    return [
        max(0.0, (message.classified_at - moment).total_seconds())
        for message in tally.classified.values()
        if (moment := appeared.get((message.url or "", message.revision))) is not None
    ]


def _appeared(scenario: Scenario, base_url: str, started_at: datetime) -> dict[tuple[str, int], datetime]:
    """When each revision appeared, by address and number."""
    return {
        (f"{base_url}{article_path(article)}", revision): started_at + timedelta(seconds=article.at_s)
        for article, revision in _with_revisions(scenario)
    }


def _median(values: list[float]) -> float | None:
    return round(median(values), 2) if values else None


def _worst(values: list[float]) -> float | None:
    return round(max(values), 2) if values else None


def misjudged(scenario: Scenario, tally: Tally, base_url: str) -> list[Misjudged]:
    """Return the articles whose level is not the intended one."""
    intended = {(f"{base_url}{article_path(article)}", rev): article for article, rev in _with_revisions(scenario)}
    found = []
    for message in tally.classified.values():
        article = intended.get((message.url or "", message.revision))
        if article is not None and article.intended_level != message.escalation.level:
            found.append(
                Misjudged(
                    id=article.id,
                    title=article.title,
                    intended_level=article.intended_level,
                    level=message.escalation.level,
                )
            )
    return found


def _with_revisions(scenario: Scenario) -> list[tuple[ScenarioArticle, int]]:
    return [
        (article, 2 if article.note is Note.EDITED else 1)
        for article in scenario.articles
        if article.note is not Note.MALFORMED
    ]


def _outcome(alerts: list[SeenAlert], alert_id: str, started_at: datetime) -> AlertOutcome:
    revisions = [seen for seen in alerts if seen.alert.alert_id == alert_id]
    first, last = revisions[0], revisions[-1]
    resolved = last.alert.status is Status.RESOLVED

    def after(seen: SeenAlert) -> float:
        return round((seen.arrived_at - started_at).total_seconds(), 1)

    return AlertOutcome(
        alert_id=alert_id,
        rule=first.alert.rule.name,
        place=first.alert.group.place,
        highest_level=max(seen.alert.level for seen in revisions),
        revisions=len({seen.alert.revision for seen in revisions}),
        resolved=resolved,
        fired_after_s=after(first),
        resolved_after_s=after(last) if resolved else None,
    )


def print_summary(console: Console, summary: Summary, tally: Tally, next_commands: list[tuple[str, str]]) -> None:
    """Print the figures, what is wrong with them if anything, and the commands to try next (command, what it does)."""
    console.rule(Text("Summary", style="bold"), align="left", characters="─")
    figures = Table.grid(padding=(0, 2))
    figures.add_column(style="dim", no_wrap=True)
    figures.add_column(overflow="fold")
    figures.add_row("articles", _articles(summary))
    figures.add_row("outcome", _endings(summary))
    figures.add_row("by level", _levels(summary))
    figures.add_row("model", _model(summary))
    figures.add_row("alerts", _alerts(summary, tally))
    figures.add_row("feed to alert", _delays(summary.seconds_to_alert_median, summary.seconds_to_alert_worst))
    feed_to_level = _delays(summary.seconds_to_classified_median, summary.seconds_to_classified_worst)
    figures.add_row("feed to level", feed_to_level)
    figures.add_row("took", f"{summary.elapsed_s:.0f} s from the first article to the last alert")
    console.print(Padding(figures, (0, 0, 0, 2)))
    console.print()
    if summary.problems:
        console.print(Text(" FAILED ", style="bold white on red") + Text("  It did not go as the scenario says:"))
        for problem in summary.problems:
            console.print(Padding(Text(f"- {one_line(problem, 1_000)}"), (0, 0, 0, 2)))
    else:
        good = "  Every alert that had to come came, no other did, and no article was lost."
        console.print(Text(" OK ", style="bold white on green") + Text(good))
    console.print()
    if next_commands:
        console.print(Text("Next, try:"))
        commands = Table.grid(padding=(0, 2))
        commands.add_column(style="bold", no_wrap=True)
        commands.add_column(style="dim")
        for command, meaning in next_commands:
            commands.add_row(Text(command), Text(meaning))
        console.print(Padding(commands, (0, 0, 0, 2)))


def _articles(summary: Summary) -> Text:
    return Text(
        f"{summary.articles} from {summary.sources} outlets ({_count(summary.edits, 'edit')}), "
        f"{summary.stories} stories ({_count(summary.syndicated_copies, 'syndicated copy', 'syndicated copies')})"
    )


def _endings(summary: Summary) -> Text:
    refused = ", ".join(f"{letter.stage}: {letter.reason}" for letter in summary.dead_letters)
    text = f"{summary.classified} classified, {_count(len(summary.dead_letters), 'dead letter')}"
    text += f" ({one_line(refused, 200)})" if refused else ""
    if summary.repeated_messages:
        text += f", {_count(summary.repeated_messages, 'repeated message')}"
    return Text(text)


def _levels(summary: Summary) -> Text:
    lines = Text()
    most = max([*summary.classified_per_level, 1])
    for level, count in enumerate(summary.classified_per_level):
        lines.append(f"{level} {LEVEL_NAMES[level]:<19}")
        lines.append("━" * round(_BAR_WIDTH * count / most), style=level_style(level))
        lines.append(f" {count}" if count else "0")
        lines.append("\n" if level < 5 else "")
    return lines


def _model(summary: Summary) -> Text:
    wrong = summary.misjudged
    near = sum(abs(item.level - item.intended_level) <= 1 for item in wrong)
    exact = summary.classified - len(wrong)
    text = f"level as meant by the author for {exact} of {summary.classified}"
    return Text(f"{text}, within one level for {exact + near}" if wrong else text)


def _alerts(summary: Summary, tally: Tally) -> Text:
    lines = Text(f"{summary.alerts_fired} fired, {summary.alerts_resolved} resolved")
    names = {seen.alert.alert_id: group_name(seen.alert) for seen in tally.alerts}
    for outcome in summary.alerts:
        lines.append(f"\n{one_line(names[outcome.alert_id], 60)}  ", style="bold")
        lines.append_text(level_text(outcome.highest_level))
        ending = "the end" if outcome.resolved_after_s is None else f"{outcome.resolved_after_s:.0f} s"
        lines.append(f"  from {outcome.fired_after_s:.0f} s to {ending}")
    return lines


def _delays(middle: float | None, worst: float | None) -> Text:
    return Text("nothing came" if middle is None else f"{middle:.1f} s in the median, {worst:.1f} s at worst")


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
