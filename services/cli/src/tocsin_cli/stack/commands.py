"""`tocsin up`, `tocsin down` and `tocsin status`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tocsin_cli.stack.config import StackConfig, StackSettings


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything is ready.")] = False,
    only: Annotated[
        str | None,
        typer.Option(metavar="PARTS", help="Only these of kafka, redis, ingest, classify, alert, by commas."),
    ] = None,
) -> None:
    """Start Kafka, Redis and the services on this machine.

    No Docker is needed. Runs until Ctrl-C, which stops every part; with --detach it runs until `tocsin down`. The data
    stays. A service that dies is started again.

    Settings are environment variables: TOCSIN_STATE_DIR, TOCSIN_CACHE_DIR, TOCSIN_KAFKA_PORT, TOCSIN_REDIS_PORT,
    TOCSIN_INGEST_PORT and so on; TOCSIN_KAFKA_BOOTSTRAP_SERVERS and TOCSIN_REDIS_URL use existing servers;
    TOCSIN_JAVA, JAVA_HOME and KAFKA_HOME your own Java and Kafka.

    Examples:

    \b
      tocsin up
      tocsin up --detach && tocsin status
      tocsin up --only kafka,redis
      TOCSIN_KAFKA_PORT=19092 tocsin up
    """
    from tocsin_cli.stack.config import parse_parts
    from tocsin_cli.stack.errors import StackError

    try:
        config = _settings().config(parse_parts(only))
        code = _up_detached(config) if detach else _up_here(config)
    except StackError as error:
        raise _ended(error) from error
    raise typer.Exit(code)


def down(
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Also delete the data of Kafka and Redis.")] = False,
) -> None:
    """Stop the stack that `tocsin up` started.

    Nothing of it is left running, also after a crash.

    Examples:

    \b
      tocsin down
      tocsin down --volumes      begin anew at the next `tocsin up`
    """
    from tocsin_cli.stack.errors import StackError
    from tocsin_cli.stack.stop_stack import stop_stack

    path = _settings().state_dir
    try:
        ran = stop_stack(path, volumes=volumes, report=lambda message: typer.echo(message, err=True))
    except StackError as error:
        raise _ended(error) from error
    typer.echo("stopped" if ran else f"nothing runs in {path}", err=True)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: one JSON object on standard output.")] = False,
) -> None:
    """Show what runs, and where: state, process, address, log file and restarts of each part.

    The exit code is 0 when everything is ready, else 1.

    Examples:

    \b
      tocsin status
      tocsin status --json | jq -r .parts.kafka.address
    """
    from tocsin_cli.stack.errors import StackError
    from tocsin_cli.stack.stack_status import read_status
    from tocsin_cli.stack.state_directory import StackState

    settings = _settings()
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    try:
        found = read_status(settings.state_dir, redis_url=redis_url)
    except StackError as error:
        raise _ended(error) from error
    record = found.record
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        from rich.console import Console

        from tocsin_cli.stack.show_stack import parts_table

        console = Console(highlight=False)
        console.print(f"{record.state.value}  {settings.state_dir}", markup=False, soft_wrap=True)
        for text in (record.message if record.state is not StackState.READY else "", record.error):
            if text:
                console.print(text, markup=False, soft_wrap=True)
        if record.parts:
            console.print(parts_table(record))
            console.print(f"logs in {settings.state_dir / 'logs'}", markup=False, soft_wrap=True)
        if record.state is StackState.STOPPED:
            console.print("start it: tocsin up --detach")
    raise typer.Exit(0 if record.state is StackState.READY else 1)


def _settings() -> "StackSettings":
    from tocsin_cli.stack.config import StackSettings
    from tocsin_contracts.settings import load_settings

    return load_settings(StackSettings)


def _ended(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(getattr(error, "exit_code", 1))


def _up_here(config: "StackConfig") -> int:
    from tocsin_cli.stack.launcher import run_until_stopped
    from tocsin_cli.stack.show_stack import HINT, Display

    display = Display()
    with display.open():
        return run_until_stopped(config, report=display.say, on_change=display.show, on_ready=lambda: display.say(HINT))


def _up_detached(config: "StackConfig") -> int:
    from tocsin_cli.stack.detach import start_detached
    from tocsin_cli.stack.stack_status import in_order

    record = start_detached(config, report=lambda message: typer.echo(message, err=True))
    for name, part in in_order(record.parts).items():
        typer.echo(f"{name:<10}{part.state.value:<10}{part.address}", err=True)
    typer.echo("stop it: tocsin down", err=True)
    return 0
