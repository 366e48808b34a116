"""The command `tocsin subscribe`."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin_cli.subscribe.choose_alerts import Wanted
    from tocsin_cli.subscribe.follow_alerts import Chosen
    from tocsin_contracts.settings import RedisSettings


def subscribe(
    min_level: Annotated[int, typer.Option(min=0, max=5, metavar="0-5", help="Only this level or higher.")] = 0,
    topic: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this topic: code, name or slug (armed-conflict). Repeatable."),
    ] = None,
    place: Annotated[
        list[str] | None,
        typer.Option(metavar="COUNTRY", help="Only this country: ISO code or name (SY, Syria). Repeatable."),
    ] = None,
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only `firing` or only `resolved`.")] = None,
    rule: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this rule's. Repeatable.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Start earlier than now: `beginning`, how long ago (2h), an ISO time, or after a stream id. "
            "Times are those of the alert's arrival on the stream.",
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Keep the position under this name on Redis and go on there next time. It moves after an alert was "
            "written out: a clean stop repeats nothing, a crash repeats one alert at most, and none is left out. "
            "One subscriber at a time per name.",
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after this many alerts.")] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="End after so long; with --count, exit code 1 if fewer came."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line: stream_id, change, alert.")
    ] = False,
) -> None:
    """Show alerts as they come, with level, place, why and links.

    Ctrl-C and SIGTERM are the normal end (exit code 0). Whoever was shown that an alert fires is also shown what
    becomes of it, even below --min-level. When Redis is away it is waited for, and no alert is left out.

    Examples:

    \b
      tocsin subscribe                               new alerts, as they come
      tocsin subscribe --since 24h --place Syria     the last day's about Syria too
      tocsin subscribe --json --cursor desk          go on where the cursor desk stopped
      tocsin subscribe --count 1 --timeout 60        did an alert come within a minute?
      redis-cli xread block 0 streams tocsin:alerts '$'    the same without tocsin
    """
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.moments import BadMoment
    from tocsin_cli.subscribe.find_start import parse_since, valid_cursor_name
    from tocsin_contracts.settings import RedisSettings, load_settings

    wanted = _wanted(min_level, topic or [], place or [], rule or [], status)
    if cursor is not None and not valid_cursor_name(cursor):
        raise fail("--cursor: a name has 1 to 64 letters, digits, dots, dashes and underscores.", 2)
    try:
        start = None if since is None else parse_since(since, datetime.now(UTC))
    except BadMoment as error:
        raise fail(f"--since: {error}", 2) from None
    _run(load_settings(RedisSettings), wanted, start, cursor, count, timeout, as_json)


def _wanted(min_level: int, topics: list[str], places: list[str], rules: list[str], status: str | None) -> "Wanted":
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.names import UnknownName, country_codes, topic_codes
    from tocsin_cli.subscribe.choose_alerts import Wanted
    from tocsin_contracts.alert import Status

    if status is not None and status not in tuple(Status):
        raise fail(f"--status: '{status}' is neither firing nor resolved.", 2)
    try:
        return Wanted(
            min_level=min_level,
            topics=topic_codes(topics),
            places=country_codes(places),
            rules=frozenset(rules),
            status=None if status is None else Status(status),
        )
    except UnknownName as error:
        raise fail(str(error), 2) from None


def _run(
    settings: "RedisSettings",
    wanted: "Wanted",
    start: str | None,
    cursor_name: str | None,
    count: int | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    from tocsin_cli.show.console import fail, say
    from tocsin_cli.subscribe.alert_stream import AlertStream, CursorMovedElsewhere, StreamRefused
    from tocsin_cli.subscribe.choose_alerts import Chooser
    from tocsin_cli.subscribe.follow_alerts import follow_alerts, open_cursor
    from tocsin_cli.subscribe.stop_cleanly import Stopped, StopRequest

    written = 0
    write = _write_json if as_json else _printer()

    def write_and_count(chosen: "Chosen") -> None:
        nonlocal written
        write(chosen)
        written += 1

    stop = StopRequest(timeout)
    try:
        with stop.listening(), closing(AlertStream(settings, stop, say)) as stream:
            cursor = open_cursor(stream, cursor_name, start, say)
            follow_alerts(stream, cursor, Chooser(wanted), write_and_count, say, stop, count)
    except Stopped:
        if count is not None:
            raise fail(f"Ended with {written} of {count} alerts.") from None
    except CursorMovedElsewhere as error:
        raise fail(
            f"Another subscriber moved the cursor {cursor_name} to {error}: give each subscriber a name of its own."
        ) from None
    except StreamRefused as error:
        raise fail(str(error)) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise fail(f"Cannot write: {error.strerror or error}.") from None


def _write_json(chosen: "Chosen") -> None:
    from tocsin_cli.show.console import write_json

    alert = chosen.alert.model_dump(mode="json")
    write_json({"stream_id": chosen.stream_id, "change": chosen.change.value.lower(), "alert": alert})


def _printer() -> "Callable[[Chosen], None]":
    from tocsin_cli.show.alerts import print_alert
    from tocsin_cli.show.console import open_console

    console = open_console()
    return lambda chosen: print_alert(console, chosen.alert, chosen.change, f"stream id {chosen.stream_id}")
