"""The command `tocsin inspect`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from tocsin_cli.inspect.choose_messages import Choice
    from tocsin_cli.inspect.decode_stored import Decoded
    from tocsin_cli.inspect.select_messages import Selection
    from tocsin_contracts.settings import KafkaSettings
    from tocsin_contracts.topics import TopicDeclaration

DEFAULT_LIMIT: Final = 20


def inspect(
    topic: Annotated[
        str | None,
        typer.Argument(help="articles, classified, alerts or dead-letters, or a topic's full name.", metavar="TOPIC"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHERE",
            help=f"start, end, an offset (in every partition), or a time: how long ago (2h) or ISO. "
            f"Default: the last {DEFAULT_LIMIT} messages.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new messages until Ctrl-C.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Show at most this many messages.")] = None,
    where: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Only messages that fit, as in 'level>=3 and place==SY'.")
    ] = None,
    level: Annotated[int | None, typer.Option(min=0, max=5, metavar="0-5", help="Only this level.")] = None,
    min_level: Annotated[
        int | None, typer.Option(min=0, max=5, metavar="0-5", help="Only this level or higher.")
    ] = None,
    about: Annotated[
        list[str] | None, typer.Option("--topic", metavar="NAME", help="Only about this topic. Repeatable.")
    ] = None,
    place: Annotated[
        list[str] | None, typer.Option(metavar="COUNTRY", help="Only about this country (SY, Syria). Repeatable.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="DOMAIN", help="Only from this source. Repeatable.")
    ] = None,
    partition: Annotated[int | None, typer.Option(min=0, metavar="P", help="Only this partition.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Print how many messages there are instead.")] = False,
    lag: Annotated[
        bool, typer.Option("--lag", help="Show how far the services are behind, instead. TOPIC may be left out.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line: position, time, key, headers, message.")
    ] = False,
) -> None:
    """Show what is on a topic, in the order of time. The services never notice.

    An unreadable message is shown as such; with a filter it is left out, and its number said.

    \b
    Operators of --where: == != >= <= > < and ~ (contains), and, or, not, parentheses. Fields:
      articles      title text source language feed url article_id story_id revision published_at fetched_at
      classified    the same without text, and lead level confidence direction abstained because topic place model
                    classified_at
      alerts        status severity rule level direction topic place articles stories sources source title
                    article_id summary alert_id fingerprint revision starts_at updated_at ends_at
      dead-letters  stage reason detail retryable attempts origin article_id dead_letter_id failed_at

    \b
    Examples:
      tocsin inspect classified                         the last 20 classifications
      tocsin inspect classified --from 2h --min-level 3 --place SY --follow
      tocsin inspect classified --where "topic==armed-conflict and not (source==example.org or confidence<0.6)"
      tocsin inspect articles --from start --json | jq -r .message.title
      tocsin inspect articles --partition 3 --from 41 --limit 1
      tocsin inspect alerts --from 7d --count
      tocsin inspect --lag
    """
    from tocsin_cli.inspect.choose_messages import Choice
    from tocsin_cli.inspect.stored import KafkaAway, TopicMissing
    from tocsin_cli.show.console import fail
    from tocsin_contracts.settings import KafkaSettings, load_settings

    settings = load_settings(KafkaSettings)
    declaration = _declaration(topic, settings.topic_prefix)
    choice = Choice(where, level, min_level, about or (), place or (), source or ())
    try:
        if lag:
            _show_lag(settings, declaration, as_json)
        elif declaration is None:
            raise fail("Which topic? articles, classified, alerts or dead-letters; see tocsin inspect --help.", 2)
        else:
            selection = _selection(declaration, choice, start, limit, partition, everything=count)
            _show_messages(settings, declaration, selection, follow, count, as_json)
    except (KafkaAway, TopicMissing) as error:
        raise fail(str(error)) from None
    except KeyboardInterrupt:
        # Ctrl-C is how following ends; anything else was cut off.
        raise typer.Exit(0 if follow else 130) from None


def _declaration(topic: str | None, prefix: str) -> "TopicDeclaration | None":
    from tocsin_cli.inspect.name_topic import find_declaration
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.names import UnknownName

    try:
        return None if topic is None else find_declaration(topic, prefix)
    except UnknownName as error:
        raise fail(str(error), 2) from None


def _selection(
    declaration: "TopicDeclaration",
    choice: "Choice",
    start: str | None,
    limit: int | None,
    partition: int | None,
    everything: bool,
) -> "Selection":
    from tocsin_cli.inspect.choose_messages import BadChoice, build_test
    from tocsin_cli.inspect.parse_from import parse_from
    from tocsin_cli.inspect.select_messages import Selection
    from tocsin_cli.show.console import fail
    from tocsin_cli.show.moments import BadMoment

    now = datetime.now(UTC)
    try:
        begin = None if start is None else parse_from(start, now)
    except BadMoment as error:
        raise fail(f"--from: {error}", 2) from None
    try:
        test = build_test(choice, declaration.message, now)
    except BadChoice as error:
        raise fail(str(error), 2) from None
    if begin is None and limit is None and not everything:
        limit = DEFAULT_LIMIT
    return Selection(declaration.message, begin, limit, test, partition)


def _show_messages(
    settings: "KafkaSettings",
    declaration: "TopicDeclaration",
    selection: "Selection",
    follow: bool,
    count: bool,
    as_json: bool,
) -> None:
    from tocsin_cli.inspect.read_topic import TopicReader
    from tocsin_cli.inspect.select_messages import Selector
    from tocsin_cli.show.console import fail, say, write_json

    name = declaration.full_name(settings.topic_prefix)
    with TopicReader(settings, name) as reader:
        if selection.partition is not None and selection.partition not in reader.partitions:
            raise fail(f"--partition: {name} has the partitions {reader.partitions[0]} to {reader.partitions[-1]}.", 2)
        selector = Selector(reader, selection)
        if count:
            found = selector.count()
            write_json({"topic": name, "count": found}) if as_json else print(found)
        else:
            show = _shower(as_json)
            nothing = True
            for decoded in selector.follow(say) if follow else selector.read():
                show(decoded)
                nothing = False
            if nothing and not as_json:
                say(f"No message of {name} fits." if selection.test else f"No message there on {name}.")
    if selector.unreadable:
        say(f"Left out {selector.unreadable} that cannot be read, so that no filter fits; without one they are shown.")


def _shower(as_json: bool) -> "Callable[[Decoded], None]":
    from tocsin_cli.show.alerts import ChangeNamer
    from tocsin_cli.show.console import open_console, write_json
    from tocsin_cli.show.messages import message_object, print_message

    if as_json:
        return lambda decoded: write_json(message_object(decoded))
    console, changes = open_console(), ChangeNamer()
    return lambda decoded: print_message(console, decoded, changes)


def _show_lag(settings: "KafkaSettings", declaration: "TopicDeclaration | None", as_json: bool) -> None:
    from tocsin_cli.inspect.measure_lag import READERS, measure_lag
    from tocsin_cli.show.console import fail, open_console, write_json
    from tocsin_cli.show.lag import lag_object, print_lag

    readers = [reader for reader in READERS if declaration in (None, reader[1])]
    if not readers:
        raise fail("--lag: no service reads that topic in a group; articles and classified are read so.", 2)
    groups = measure_lag(settings, readers)
    if as_json:
        for group in groups:
            write_json(lag_object(group))
        return
    console = open_console()
    for group in groups:
        print_lag(console, group)
