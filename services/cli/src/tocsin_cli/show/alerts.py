"""An alert as a block of lines: what changed, where, how grave, why, and the articles behind it."""

from collections import OrderedDict
from datetime import timedelta
from enum import StrEnum
from typing import Final

from rich.console import Console
from rich.text import Text

from tocsin_cli.show.countries import country_name
from tocsin_cli.show.lines import (
    BESIDE_LEVEL,
    print_beside_level,
    print_field,
    print_indented,
    print_link,
    quote,
)
from tocsin_cli.show.moments import show_duration, show_minute, show_moment
from tocsin_cli.show.printable import one_line
from tocsin_cli.show.scale import direction_text, level_text
from tocsin_contracts.alert import AlertV1, Evidence, Status
from tocsin_contracts.media_topics import TOPIC_NAMES


class Change(StrEnum):
    """What a revision of an alert means to somebody who follows it."""

    FIRING = "FIRING"
    RAISED = "RAISED"
    UPDATED = "UPDATED"
    RESOLVED = "RESOLVED"


REMEMBERED_ALERTS: Final = 10_000
"""Far more than fire at once; about a megabyte."""

_CHANGE_STYLES: Final = {
    Change.FIRING: "bold white on red",
    Change.RAISED: "bold white on magenta",
    Change.UPDATED: "bold black on yellow",
    Change.RESOLVED: "bold white on green",
}
_SHOWN_EVIDENCE: Final = {Change.FIRING: 5, Change.RAISED: 5, Change.UPDATED: 3, Change.RESOLVED: 0}
"""An update repeats most of its articles, and a resolution is about their absence; `--json` has them all."""


def name_change(alert: AlertV1, previous_level: int | None) -> Change:
    """Return what `alert` changes, given the level of the revision before it (None when that was not seen)."""
    if alert.status is Status.RESOLVED:
        return Change.RESOLVED
    if alert.revision == 1:
        return Change.FIRING
    if previous_level is not None and alert.level > previous_level:
        return Change.RAISED
    return Change.UPDATED


class ChangeNamer:
    """Names the changes of alerts that are shown in their order, by remembering the level of those that fire."""

    def __init__(self) -> None:
        self._levels: OrderedDict[str, int] = OrderedDict()

    def name(self, alert: AlertV1) -> Change:
        """Return what `alert` changes against its revision before, where that was named here."""
        change = name_change(alert, self._levels.pop(alert.alert_id, None))
        if alert.status is Status.FIRING:
            self._levels[alert.alert_id] = alert.level
            if len(self._levels) > REMEMBERED_ALERTS:
                self._levels.popitem(last=False)
        return change


def group_name(alert: AlertV1) -> str:
    """Return what the alert is about: its place, its topic, both, or everywhere."""
    parts = []
    if alert.group.place is not None:
        parts.append(f"{country_name(alert.group.place)} ({alert.group.place})")
    if alert.group.topic is not None:
        parts.append(TOPIC_NAMES.get(alert.group.topic, alert.group.topic))
    return ", ".join(parts) or "everywhere"


def explain_why(alert: AlertV1) -> str:
    """Return the counts beside the thresholds they were measured against."""
    counts, needed = alert.counts, alert.threshold
    stories = f"{_count(counts.stories, 'story', 'stories')} (needs {needed.stories})"
    sources = f"{_count(counts.sources, 'source', 'sources')} (needs {needed.sources})"
    return f"{stories} from {sources} at level {needed.level} or higher"


def explain_window(alert: AlertV1) -> str:
    """Return the stretch of time that was counted, how many articles it held, and the baseline where there is one."""
    length = show_duration(alert.window.ends_at - alert.window.starts_at)
    usual = f", usual here: {alert.baseline:.3g}" if alert.baseline is not None else ""
    articles = _count(alert.counts.articles, "article", "articles")
    return f"{articles} in {length} to {show_minute(alert.window.ends_at)}{usual}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def print_alert(console: Console, alert: AlertV1, change: Change, note: str = "") -> None:
    """Print the block of `alert`; `note` (such as its stream id) goes to the last line."""
    heading = Text()
    heading.append(f" {change.value} ", style=_CHANGE_STYLES[change])
    heading.append(f"  {one_line(group_name(alert), 100)}", style="bold")
    heading.append("  ")
    heading.append_text(level_text(alert.level))
    if alert.status is Status.FIRING:
        # A resolved alert carries the direction it reported last, which would read as if it still went that way.
        heading.append(f"  {direction_text(alert.direction)}")
    heading.append(f"  {alert.severity.value}", style="dim")
    console.print(heading)
    print_indented(console, one_line(alert.summary, 500))
    print_field(console, "now" if change is Change.RESOLVED else "why", explain_why(alert))
    print_field(console, "window", explain_window(alert))
    print_field(console, "since", _lifetime(alert))
    print_field(console, "rule", alert.rule.name)
    shown = alert.evidence[: _SHOWN_EVIDENCE[change]]
    for evidence in shown:
        _print_evidence(console, evidence)
    hidden = len(alert.evidence) - len(shown)
    if shown and hidden:
        console.print(Text(f"       and {_count(hidden, 'more article', 'more articles')}", style="dim"))
    last = f"  alert {alert.alert_id} revision {alert.revision}{'  ' + note if note else ''}"
    console.print(Text(last, style="dim"), soft_wrap=True)
    console.print()


def _lifetime(alert: AlertV1) -> str:
    started = show_moment(alert.starts_at)
    if alert.ends_at is None:
        return f"{started}, updated {show_moment(alert.updated_at)}"
    length = max(alert.ends_at - alert.starts_at, timedelta(0))
    return f"{started} to {show_moment(alert.ends_at)} ({show_duration(length)})"


def _print_evidence(console: Console, evidence: Evidence) -> None:
    print_beside_level(console, evidence.level, Text(one_line(evidence.title, 300) or "(no title)"))
    if evidence.sentence is not None:
        print_beside_level(console, None, quote(evidence.sentence))
    source = one_line(evidence.source.name, 80)
    console.print(Text(f"       {source}, {show_minute(evidence.published_at)}", style="dim"))
    print_link(console, evidence.url, indent=BESIDE_LEVEL)
