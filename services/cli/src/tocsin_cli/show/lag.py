"""How far the services are behind, as a table for people and as objects for machines."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin_cli.inspect.measure_lag import GroupLag


def print_lag(console: Console, group: GroupLag) -> None:
    """Print one group's partitions and their total."""
    members = f"{group.members} {'member' if group.members == 1 else 'members'}"
    title = Text.assemble((group.group, "bold"), f" reads {group.topic}: {group.state.lower()}, {members}")
    if not group.members:
        title.append("  nobody is reading", style="yellow")
    console.print(title, soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_footer=True, padding=(0, 2))
    for name, footer in (("  partition", "  total"), ("committed", ""), ("end", ""), ("lag", str(group.total))):
        table.add_column(name, footer, justify="right")
    for partition in group.partitions:
        committed = "nothing yet" if partition.committed is None else str(partition.committed)
        style = "yellow" if partition.lag else ""
        table.add_row(str(partition.partition), committed, str(partition.end), Text(str(partition.lag), style=style))
    console.print(table)
    console.print()


def lag_object(group: GroupLag) -> dict[str, Any]:
    """Return the group's lag as an object."""
    return {
        "group": group.group,
        "topic": group.topic,
        "state": group.state,
        "members": group.members,
        "lag": group.total,
        "partitions": [
            {"partition": part.partition, "committed": part.committed, "end": part.end, "lag": part.lag}
            for part in group.partitions
        ],
    }
