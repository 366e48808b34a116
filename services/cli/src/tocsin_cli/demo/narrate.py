"""What the demo says while it runs."""

import contextlib
import shlex
import threading
import time
from collections.abc import Iterator
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.status import Status as Spinner
from rich.text import Text

from tocsin_cli.demo.scenario import Scenario
from tocsin_cli.demo.tally import SeenAlert, Tally
from tocsin_cli.show.alerts import Change, group_name, print_alert
from tocsin_cli.show.countries import country_name
from tocsin_cli.show.printable import one_line
from tocsin_cli.show.scale import level_style, level_text
from tocsin_cli.stack.local_stack import LocalStack
from tocsin_cli.stack.state_directory import PartState, StackRecord

_PROGRESS_EVERY_S: Final = 15.0
"""Between two lines of progress where no line can be replaced: in a file, a pipe, a CI log."""
_SHOWN_ARTICLES: Final = 3
_PLAIN: Final = "default not bold"


class Narrator:
    """Tells a person what happens, on one console; callable from several threads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner: Spinner | None = None
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._ready: set[str] = set()
        self._restarts: dict[str, int] = {}
        self._last_progress = float("-inf")
        self._last_articles: list[str] = []

    def introduce(self, scenario: Scenario) -> None:
        """Say what will be seen."""
        self._console.print(Text.assemble(("Tocsin demo", "bold"), f": {len(scenario.articles)} invented articles"))
        self._console.print(Padding(Text(" ".join(scenario.description.split())), (0, 0, 0, 2)))
        places = ", ".join(country_name(alert.place) for alert in scenario.expected.alerts)
        self._console.print(Padding(Text(f"Alerts must come for {places}, and for nowhere else."), (0, 0, 0, 2)))
        self._console.print()

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a line that can be replaced, for the length of the block; on no terminal, print the text once."""
        if not self._console.is_terminal:
            if text:
                self._console.print(Text(text))
            yield
            return
        with self._console.status(Text(text), spinner="dots") as self._spinner:
            try:
                yield
            finally:
                self._spinner = None

    def step(self, message: str) -> None:
        """Say what is being waited for."""
        if self._spinner is not None:
            self._spinner.update(Text(f"{message} ({time.monotonic() - self._began:.0f} s)"))
        elif message.startswith("downloading"):
            self._console.print(Text(f"  {message}"))

    def parts_changed(self, record: StackRecord) -> None:
        """Say when a part is ready for the first time, and when one has died."""
        with self._lock:
            for name, part in record.parts.items():
                if part.state is PartState.READY and name not in self._ready:
                    self._ready.add(name)
                    line = Text.assemble("  ", ("✓", "green"), f" {name:<9} {part.address}")
                    line.append(f"  {time.monotonic() - self._began:.1f} s", style="dim")
                    self._console.print(line, soft_wrap=True)
                if part.restarts > self._restarts.get(name, 0):
                    self._restarts[name] = part.restarts
                    self._console.print(Text(f"  {name}: {part.detail or 'is started again'}", style="yellow"))

    def begin(self, feeds_url: str) -> None:
        """Say that the news begin."""
        line = Text.assemble(("The news begin", "bold"), ", at ", (feeds_url, "blue"), ".\n")
        self._console.print(line, soft_wrap=True)

    def alert(self, seen: SeenAlert, elapsed_s: float) -> None:
        """Print an alert as it comes, with its weightiest articles; an update, which changes only counts, on a line."""
        alert, moment = seen.alert, f"at {elapsed_s:.0f} s"
        if seen.change is Change.UPDATED:
            line = Text.assemble(f" {seen.change.value}  ", (group_name(alert), "bold"), "  ", level_text(alert.level))
            line.append(f"  {alert.counts.stories} stories, {alert.counts.sources} sources, {moment}\n")
            self._console.print(line, style="dim", soft_wrap=True)
            return
        evidence = alert.evidence[:_SHOWN_ARTICLES] if seen.change is not Change.RESOLVED else []
        articles = [item.article_id for item in evidence]
        hidden = len(alert.evidence) - len(evidence)
        if articles and articles == self._last_articles:
            # One article about two countries makes two alerts ring.
            evidence, moment = [], f"{moment}, same articles"
        elif evidence and hidden:
            moment += f", and {hidden} more articles"
        self._last_articles = articles
        print_alert(self._console, alert.model_copy(update={"evidence": evidence}), seen.change, moment)

    def progress(self, scenario: Scenario, tally: Tally, *, elapsed_s: float, appeared: int) -> None:
        """Show how far the news and their classification have come."""
        line = Text(f"{elapsed_s:4.0f} s  ", style="bold")
        line.append(f"{appeared}/{len(scenario.articles)} published, {tally.settled} done", style=_PLAIN)
        levels = [(level, count) for level, count in enumerate(tally.per_level()) if count]
        line.append(", by level" if levels else "", style=_PLAIN)
        for level, count in levels:
            line.append(f" {level}:", style=level_style(level))
            line.append(f"{count}", style=_PLAIN)
        line.append(f", {len(tally.firing)} firing", style=_PLAIN)
        # A line that wraps cannot be replaced cleanly; the spinner before it takes two columns.
        line.truncate(self._console.width - 3, overflow="ellipsis")
        if self._spinner is not None:
            self._spinner.update(line)
        elif not self._console.is_terminal and elapsed_s - self._last_progress >= _PROGRESS_EVERY_S:
            self._last_progress = elapsed_s
            self._console.print(line, soft_wrap=True)

    def explain_kept(self, stack: LocalStack, feeds_url: str) -> None:
        """Say how to look inside what keeps running."""
        settings = {
            "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": stack.kafka_bootstrap_servers,
            "TOCSIN_TOPIC_PREFIX": stack.config.topic_prefix,
            "TOCSIN_REDIS_URL": stack.redis_url,
            "TOCSIN_REDIS_PREFIX": stack.config.redis_prefix,
            "TOCSIN_STATE_DIR": str(stack.config.state_directory),
        }
        self._console.print(Text("Everything keeps running, until Ctrl-C. In another terminal:\n"))
        lines = [f"  export {name}={shlex.quote(value)}" for name, value in settings.items()]
        lines += ["", "  tocsin status"]
        lines += ["  tocsin inspect classified --from start --where 'level>=4'", "  tocsin subscribe --since beginning"]
        lines += ["  tocsin dead-letters list", f"  the outlets and their articles: {feeds_url}", ""]
        for line in lines:
            self._console.print(Text(line), soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a remark."""
        self._console.print(Text(one_line(text, 2_000)))
