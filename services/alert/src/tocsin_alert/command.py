"""`tocsin rules`: looks at rule files before they go live."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin_alert.rule import Rule

EXIT_WRONG = 1

rules = typer.Typer(
    name="rules",
    help="Check the rules that decide when an alert fires.",
    no_args_is_help=True,
)


@rules.callback()
def about() -> None:
    """Check the rules that decide when an alert fires."""


@rules.command(
    epilog="Examples:  tocsin rules check deploy/rules/default.yaml  ·  tocsin rules check --json deploy/rules/*.yaml"
)
def check(
    files: Annotated[list[Path], typer.Argument(help="Rule files (YAML).", metavar="FILE...")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file, for machines.")] = False,
) -> None:
    """Check rule files: show the rules, or say by file, line and field what is wrong.

    Exit code 0 when all files are good, 1 when one is not.
    """
    from tocsin_alert.rules_file import BadRules, read_rules

    wrong = False
    for file in files:
        try:
            found = read_rules(file)
        except BadRules as error:
            wrong = True
            if as_json:
                _print_json({"file": str(file), "ok": False, "problems": [_as_dict(item) for item in error.problems]})
            else:
                typer.echo(str(error), err=True)
            continue
        if as_json:
            _print_json({"file": str(file), "ok": True, "rules": [_describe(rule) for rule in found]})
        else:
            _print_table(file, found)
    if wrong:
        raise typer.Exit(EXIT_WRONG)


def _describe(rule: "Rule") -> dict[str, object]:
    return {"version": rule.version, **rule.model_dump(mode="json")}


def _as_dict(problem: object) -> dict[str, object]:
    from dataclasses import asdict, is_dataclass

    return asdict(problem) if is_dataclass(problem) and not isinstance(problem, type) else {}


def _print_json(content: dict[str, object]) -> None:
    import json

    typer.echo(json.dumps(content, ensure_ascii=False))


def _print_table(file: Path, found: "list[Rule]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tocsin_alert.build_alert import describe_threshold
    from tocsin_alert.durations import format_duration

    table = Table(title=Text(f"{file}: {len(found)} rules are good"), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("rule", "version", "by", "fires at", "resolves at", "severity"):
        table.add_column(heading, overflow="fold")
    for rule in found:
        below = f"fewer than {rule.exit_stories} at level {rule.exit_level}+"
        table.add_row(
            rule.name,
            rule.version,
            rule.group_by,
            describe_threshold(rule),
            f"{below} for {format_duration(rule.resolve_when.hold)}",
            rule.severity,
        )
    Console().print(table)
