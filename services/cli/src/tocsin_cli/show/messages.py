"""Any message from a topic: as a block for people, as an object for machines."""

import base64
from typing import Any

from rich.console import Console
from rich.text import Text

from tocsin_cli.inspect.decode_stored import Decoded
from tocsin_cli.show.alerts import ChangeNamer, print_alert
from tocsin_cli.show.articles import print_article, print_classified
from tocsin_cli.show.dead_letters import print_dead_letter
from tocsin_cli.show.lines import print_indented
from tocsin_cli.show.moments import show_moment
from tocsin_cli.show.printable import one_line
from tocsin_contracts.alert import AlertV1
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.dead_letter import DeadLetterV1


def print_message(console: Console, decoded: Decoded, changes: ChangeNamer) -> None:
    """Print the message as its kind is printed; one that cannot be read is shown as such."""
    note = f"partition {decoded.stored.partition} offset {decoded.stored.offset}"
    match decoded.message:
        case ArticleV1() as article:
            print_article(console, article, note)
        case ClassifiedV1() as classified:
            print_classified(console, classified, note)
        case AlertV1() as alert:
            print_alert(console, alert, changes.name(alert), note)
        case DeadLetterV1() as letter:
            print_dead_letter(console, letter, note)
        case _:
            _print_unreadable(console, decoded, note)


def _print_unreadable(console: Console, decoded: Decoded, note: str) -> None:
    sent = show_moment(decoded.stored.timestamp) if decoded.stored.timestamp else "no time"
    console.print(Text.assemble(("UNREADABLE", "bold red"), f"  {sent}"))
    print_indented(console, one_line(str(decoded.problem), 500))
    value = decoded.stored.value or b""
    if value:
        print_indented(console, one_line(value[:800].decode(errors="replace"), 200), "dim")
    print_indented(console, f"{len(value)} bytes  {note}", "dim")
    console.print()


def message_object(decoded: Decoded) -> dict[str, Any]:
    """Return position, time, key and headers with `message`, or with `error` and the bytes when it is unreadable."""
    stored = decoded.stored
    position: dict[str, Any] = {
        "topic": stored.topic,
        "partition": stored.partition,
        "offset": stored.offset,
        "timestamp": stored.timestamp.isoformat() if stored.timestamp else None,
        "key": None if stored.key is None else stored.key.decode(errors="replace"),
        "headers": {name: value.decode(errors="replace") for name, value in stored.headers},
    }
    if decoded.message is not None:
        return position | {"message": decoded.message.model_dump(mode="json")}
    problem = decoded.problem
    return position | {
        "error": {"reason": problem.reason if problem else "unknown", "detail": str(problem)},
        "payload_base64": base64.b64encode(stored.value or b"").decode(),
    }
