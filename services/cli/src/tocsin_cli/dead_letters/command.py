"""The commands `tocsin dead-letters list`, `show` and `requeue`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tocsin_cli.inspect.stored import KafkaAway, TopicMissing

if TYPE_CHECKING:
    from tocsin_cli.dead_letters.choose_letters import LetterFilter, Refusal, Resend
    from tocsin_cli.dead_letters.read_letters import LetterReader
    from tocsin_contracts.dead_letter import DeadLetterV1
    from tocsin_contracts.settings import KafkaSettings

DEFAULT_LIMIT: Final = 50

dead_letters = typer.Typer(
    name="dead-letters",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="What the services refused and why; send it again after the fix.",
)

Stages = Annotated[
    list[str] | None, typer.Option("--stage", metavar="STAGE", help="Only of ingest, classify or alert. Repeatable.")
]
Reasons = Annotated[
    list[str] | None, typer.Option("--reason", metavar="REASON", help="Only with this reason (not-json). Repeatable.")
]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="Only what failed since: how long ago (2h) or ISO time.")
]
Retryable = Annotated[
    bool | None,
    typer.Option("--retryable/--permanent", help="Only what may succeed as it is, or only what cannot."),
]


@dead_letters.command("list")
def list_letters(
    stage: Stages = None,
    reason: Reasons = None,
    since: Since = None,
    retryable: Retryable = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="The last N at most.")] = DEFAULT_LIMIT,
    as_json: Annotated[bool, typer.Option("--json", help="One whole dead letter per line, payload in base64.")] = False,
) -> None:
    """List the last dead letters.

    \b
    Examples:
      tocsin dead-letters list
      tocsin dead-letters list --stage classify --since 24h
      tocsin dead-letters list --json | jq -r .reason | sort | uniq -c
    """
    from tocsin_cli.show.console import open_console, say, write_json
    from tocsin_cli.show.dead_letters import print_dead_letters

    settings, chosen = _settings(), _filter(stage, reason, since, retryable)
    with _quit_clearly(), closing(_open(settings)) as reader:
        letters = reader.last(limit, chosen.covers, whole=as_json)
        _mention_unreadable(reader)
    if as_json:
        for letter in letters:
            write_json(letter.model_dump(mode="json"))
        return
    if not letters:
        say("No dead letters.")
        return
    print_dead_letters(open_console(), letters, settings.topic_prefix)
    say("tocsin dead-letters show ID shows one whole; the first characters of an id suffice.")


@dead_letters.command("show")
def show_letter(
    dead_letter_id: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first 6 characters or more.")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the original bytes, and nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write the dead letter as JSON, payload in base64.")] = False,
) -> None:
    """Show one dead letter whole, with what was refused.

    \b
    Examples:
      tocsin dead-letters show 3f2a9c
      tocsin dead-letters show 3f2a9c --raw > original
    """
    from tocsin_cli.show.console import fail, open_console, say, write_bytes, write_json
    from tocsin_cli.show.dead_letters import print_whole_dead_letter

    if raw and as_json:
        raise fail("--raw or --json, not both.", 2)
    settings = _settings()
    with _quit_clearly(), closing(_open(settings)) as reader:
        letter = _find_one(reader, dead_letter_id)
    if raw:
        write_bytes(letter.payload)
        if letter.truncated:
            say("The original was larger than what a dead letter keeps: the rest is missing.")
    elif as_json:
        write_json(letter.model_dump(mode="json"))
    else:
        print_whole_dead_letter(open_console(), letter)


@dead_letters.command("requeue")
def requeue(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Ids, or their first 6 characters or more.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    stage: Stages = None,
    reason: Reasons = None,
    since: Since = None,
    retryable: Retryable = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before several are sent.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One outcome per line.")] = False,
) -> None:
    """Send originals back to the topics they came from, unchanged, after the fix.

    Repeats do no harm: everything after is a function of the article, and the same original is sent once. A dead
    letter stays listed until Kafka forgets it (30 days); what is refused again becomes a new one.

    \b
    Examples:
      tocsin dead-letters requeue 3f2a9c 81d07b
      tocsin dead-letters requeue --reason handler-error --since 24h --dry-run
      tocsin dead-letters requeue --all --retryable --yes
    """
    from tocsin_cli.show.console import fail, say

    chosen = _filter(stage, reason, since, retryable)
    if bool(ids) == (everything or chosen.asks):
        raise fail("Which? Give ids, or else --all, --stage, --reason, --since or --retryable.", 2)
    settings = _settings()
    with _quit_clearly(), closing(_open(settings)) as reader:
        sendable, refused = _plan(reader, settings, ids or [], chosen)
        _mention_unreadable(reader)
        for refusal in refused:
            say(f"{refusal.dead_letter_id[:12]} is not sent: {refusal.reason}.")
        if not sendable:
            raise fail("Nothing to send.")
        _announce(sendable, dry_run)
        if dry_run:
            return
        _ask(sendable, yes)
        failed = _send(settings, reader, sendable, as_json)
    if failed or (ids and refused):
        raise typer.Exit(1)


def _plan(
    reader: "LetterReader", settings: "KafkaSettings", ids: Sequence[str], chosen: "LetterFilter"
) -> "tuple[list[Resend], list[Refusal]]":
    from tocsin_cli.dead_letters.choose_letters import Refusal, only_distinct, plan_resend

    prefix = settings.topic_prefix
    if ids:
        plans = [plan_resend(letter, prefix) for letter in _find_all(reader, ids)]
    else:
        plans = [plan_resend(letter, prefix) for letter in reader.all(chosen.since) if chosen.covers(letter)]
    refused = [plan for plan in plans if isinstance(plan, Refusal)]
    return only_distinct([plan for plan in plans if not isinstance(plan, Refusal)]), refused


def _announce(sendable: "Sequence[Resend]", dry_run: bool) -> None:
    from tocsin_cli.show.console import say

    topics = ", ".join(sorted({plan.topic for plan in sendable}))
    permanent = sum(1 for plan in sendable if not plan.retryable)
    hint = f"; {permanent} of them permanent: refused again unless the service has changed" if permanent else ""
    say(f"{'Would send' if dry_run else 'Sending'} {_letters(len(sendable))} back to {topics}{hint}.")
    if dry_run:
        for plan in sendable:
            say(f"  {plan.dead_letter_id[:12]} to {plan.topic}")


def _ask(sendable: "Sequence[Resend]", yes: bool) -> None:
    from tocsin_cli.show.console import fail

    if yes or len(sendable) == 1:
        return
    if not sys.stdin.isatty():
        raise fail("Nobody is there to ask: add --yes.", 2)
    if not typer.confirm("Go on?", err=True):
        raise fail("Nothing was sent.")


def _send(settings: "KafkaSettings", reader: "LetterReader", sendable: "Sequence[Resend]", as_json: bool) -> int:
    """Send the planned letters and return how many failed."""
    from dataclasses import asdict

    from tocsin_cli.dead_letters.send_back import send_back
    from tocsin_cli.show.console import say, write_json

    wanted = {plan.dead_letter_id for plan in sendable}
    # Read again rather than kept: the originals of many letters do not fit in memory.
    letters = (letter for letter in reader.all() if letter.dead_letter_id in wanted)
    sent = failed = 0
    try:
        for outcome in send_back(settings, letters):
            sent += outcome.error is None
            failed += outcome.error is not None
            if as_json:
                write_json(asdict(outcome))
            elif outcome.error is not None:
                say(f"{outcome.dead_letter_id[:12]} was not accepted by {outcome.topic}: {outcome.error}")
    finally:
        say(f"Sent {sent} of {_letters(len(sendable))}.")
    return len(sendable) - sent


def _letters(number: int) -> str:
    return f"{number} dead {'letter' if number == 1 else 'letters'}"


def _find_one(reader: "LetterReader", start: str) -> "DeadLetterV1":
    return _find_all(reader, [start])[0]


def _find_all(reader: "LetterReader", starts: Sequence[str]) -> "list[DeadLetterV1]":
    """Return the letter that each id, or beginning of one, names; ends the command when one names none or several."""
    from tocsin_cli.dead_letters.choose_letters import valid_id_start
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.printable import one_line

    lowered = [start.lower() for start in starts]
    for start in lowered:
        if not valid_id_start(start):
            raise fail(f"'{one_line(start, 60)}' is no id of a dead letter: 6 to 32 hexadecimal digits.", 2)
    found: dict[str, DeadLetterV1] = {}
    for letter in reader.all():
        if letter.dead_letter_id.startswith(tuple(lowered)):
            found[letter.dead_letter_id] = letter
    for start in lowered:
        fitting = [dead_letter_id for dead_letter_id in found if dead_letter_id.startswith(start)]
        if not fitting:
            raise fail(f"No dead letter {start}: `tocsin dead-letters list` shows those there are.")
        if len(fitting) > 1:
            raise fail(f"{start} begins several ids: {', '.join(sorted(fitting)[:5])}", 2)
    return list(found.values())


def _filter(
    stages: Iterable[str] | None, reasons: Iterable[str] | None, since: str | None, retryable: bool | None
) -> "LetterFilter":
    from tocsin_cli.dead_letters.choose_letters import LetterFilter
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.moments import BadMoment, parse_moment
    from tocsin_contracts.dead_letter import Stage

    names = [stage.value for stage in Stage]
    for stage in stages or ():
        if stage not in names:
            raise fail(f"--stage: '{stage}' is none of {', '.join(names)}.", 2)
    try:
        moment = None if since is None else parse_moment(since, datetime.now(UTC))
    except BadMoment as error:
        raise fail(f"--since: {error}", 2) from None
    return LetterFilter(frozenset(Stage(stage) for stage in stages or ()), frozenset(reasons or ()), moment, retryable)


def _settings() -> "KafkaSettings":
    from tocsin_contracts.settings import KafkaSettings, load_settings

    return load_settings(KafkaSettings)


def _open(settings: "KafkaSettings") -> "LetterReader":
    from tocsin_cli.dead_letters.read_letters import LetterReader

    return LetterReader(settings)


@contextmanager
def _quit_clearly() -> Iterator[None]:
    """Turn what stops a command into one line and an exit code."""
    from tocsin_cli.show.console import fail

    try:
        yield
    except (KafkaAway, TopicMissing) as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _mention_unreadable(reader: "LetterReader") -> None:
    from tocsin_cli.show.console import say

    if reader.unreadable:
        say(f"Left out {reader.unreadable} that cannot be read; `tocsin inspect dead-letters` shows them.")
