"""Shows a stack to people: a table of its parts on a terminal, lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tocsin_cli.stack.stack_status import in_order
from tocsin_cli.stack.state_directory import PartState, StackRecord, StackState

COLOURS: Final[dict[str, str]] = {
    PartState.READY: "green",
    PartState.EXTERNAL: "green",
    PartState.STARTING: "yellow",
    PartState.RESTARTING: "yellow",
    PartState.NOT_READY: "red",
    PartState.STOPPED: "dim",
    StackState.DEGRADED: "red",
    StackState.FAILED: "red",
    StackState.STOPPING: "yellow",
}
HINT: Final = "Ctrl-C stops everything; the data stays"


def parts_table(record: StackRecord) -> Table:
    """Return one row per part; logs by file name, since they all lie in one directory."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("part", "state", "pid", "address", "restarts", "log"):
        table.add_column(heading, overflow="fold", justify="right" if heading in ("pid", "restarts") else "left")
    for name, part in in_order(record.parts).items():
        state = Text(part.state.value, style=COLOURS.get(part.state, ""))
        if part.detail:
            state.append(f": {part.detail}", style="dim")
        table.add_row(
            name,
            state,
            str(part.process.pid) if part.process else "",
            part.address,
            str(part.restarts) if part.restarts else "",
            Path(part.log).name if part.log else "",
        )
    return table


class Display:
    """Shows a stack while it starts, runs and stops, on stderr: live on a terminal, else a line per change."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._record: StackRecord | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Show until the block ends."""
        if not sys.stderr.isatty():
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=False) as self._live:
            try:
                yield
            finally:
                self._live = None

    def say(self, message: str) -> None:
        """Tell what is being done."""
        if self._live is None:
            self.console.print(message, markup=False)

    def show(self, record: StackRecord) -> None:
        """Show the parts anew; a change of theirs is a line where there is no terminal."""
        live = self._live
        if live is not None:
            table = parts_table(record)
            running = record.state in (StackState.READY, StackState.DEGRADED)
            title = record.state.value if running else record.message or record.state.value
            table.title = Text(title, style=COLOURS.get(record.state, "bold"))
            table.caption = HINT if running else None
            table.title_justify = table.caption_justify = "left"
            live.update(table, refresh=True)
            return
        before = self._record.parts if self._record else {}
        self._record = record
        for name, part in in_order(record.parts).items():
            if name in before and before[name].state is part.state:
                continue
            if part.state in (PartState.READY, PartState.RESTARTING):
                detail = f" ({part.detail})" if part.detail else ""
                self.console.print(f"{name}: {part.state.value}{detail}  {part.address}", markup=False)
