"""Where output goes: data to standard output, remarks to standard error; colour only where a person reads."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from tocsin_cli.show.printable import escape_json, one_line

if TYPE_CHECKING:
    from rich.console import Console


def open_console() -> "Console":
    """Return a console on standard output that interprets nothing it prints and never fails on an encoding."""
    # Rich takes a quarter of a second to load, which scripts that want JSON need not wait for.
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


def say(text: str) -> None:
    """Print a remark for people to standard error."""
    typer.echo(one_line(text, 2_000), err=True)


def fail(text: str, code: int = 1) -> typer.Exit:
    """Say what went wrong and what to do; raise what is returned to end the command with exit code `code`."""
    say(text)
    return typer.Exit(code)


def write_json(value: Mapping[str, Any]) -> None:
    """Write one JSON object on one line of standard output and flush it."""
    write_bytes(escape_json(json.dumps(value, ensure_ascii=False)).encode() + b"\n")


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output and flush them."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
