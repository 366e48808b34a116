"""The command `tocsin demo`."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C, and say how to look inside."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as one JSON object; all else goes to standard error.")
    ] = False,
    state_dir: Annotated[
        Path | None,
        typer.Option(help="Keep data and logs in this empty directory instead of a temporary one that is removed."),
    ] = None,
) -> None:
    """Watch an invented crisis escalate: real Kafka, Redis, model and alerts, in about two minutes.

    Nine invented outlets publish a war, a revolt and a lot of noise as feeds on a local web server. Alerts are printed
    as they fire, rise and resolve; a summary ends it. The exit code is 1 when the alerts that must come do not, or
    others do. Ports, topics, keys and files are the demo's own: a running stack is not disturbed.

    \b
    Examples:
      tocsin demo
      tocsin demo --keep                  and look inside with inspect, subscribe, dead-letters
      tocsin demo --json | jq .alerts     for machines
      TOCSIN_CLASSIFY_MODEL=DIRECTORY tocsin demo     with a model of your own
    """
    from contextlib import ExitStack

    from tocsin_cli.demo.narrate import Narrator
    from tocsin_cli.demo.prepare_state import state_directory
    from tocsin_cli.demo.run import play
    from tocsin_cli.demo.scenario import load_scenario
    from tocsin_cli.demo.stop_signals import StopSignals
    from tocsin_cli.demo.summary import print_summary
    from tocsin_cli.show.console import fail, open_console, write_json
    from tocsin_cli.show.printable import many_lines
    from tocsin_cli.stack.errors import StackError

    console = open_console()
    console.stderr = as_json
    narrator = Narrator(console)
    scenario = load_scenario()
    narrator.introduce(scenario)
    try:
        with (
            StopSignals(lambda: narrator.say("Stopping.")) as signals,
            state_directory(state_dir) as state,
            ExitStack() as resources,
        ):
            try:
                played = play(scenario, state.path, narrator, resources, signals)
                summary = played.summary
                print_summary(console, summary, played.tally, next_commands(kept=keep))
                if as_json:
                    write_json(summary.model_dump(mode="json"))
                state.keep_logs = not summary.ok
                if not summary.ok:
                    narrator.say(f"The logs are in {state.path / 'logs'}.")
                if keep:
                    narrator.explain_kept(played.stack, played.server.base_url)
                    signals.wait()
                else:
                    narrator.say("Stopping.")
            finally:
                signals.only_hurry()
    except StackError as error:
        typer.echo(many_lines(str(error)), err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise fail("Stopped before its end; nothing is left running.", signals.exit_code) from None
    if not summary.ok:
        raise typer.Exit(1)


def next_commands(*, kept: bool) -> list[tuple[str, str]]:
    """Return the commands to try after the demo, each with what it does."""
    if kept:
        return []
    import os
    import shutil
    import sys

    program = "tocsin" if shutil.which("tocsin") else os.path.relpath(sys.argv[0])
    return [
        (f"{program} demo --keep", "the same, left up for a look"),
        (f"{program} up --detach", "a stack of your own, to stay"),
        (f"{program} ingest https://…/feed.xml", "news of your own"),
        (f"{program} subscribe --min-level 3", "alerts as they fire"),
        (f"{program} inspect classified", "what the model makes of them"),
    ]
