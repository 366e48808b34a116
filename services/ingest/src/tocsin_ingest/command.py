"""`tocsin ingest`: articles from files, URLs or standard input onto Kafka."""

import json
import sys
import time
from typing import Annotated

import typer

HELP_EXAMPLES = """
Reads JSONL (one article per line), JSON, RSS, Atom and JSON Feed; which one it is shows itself. What was taken before
is recognised and dropped, so a broken-off import is simply started again.

Examples:

  tocsin ingest articles.jsonl
  tocsin ingest https://example.org/feed.xml --feed example
  zcat archive.jsonl.gz | tocsin ingest - --source "Example Post"

An article is an object with title or text, and if known url, guid, source, published_at, language.
"""


def ingest(
    inputs: Annotated[list[str], typer.Argument(metavar="FILE|URL|-...", help="Files, http(s) URLs, or - for stdin.")],
    source: Annotated[str | None, typer.Option(help="Publisher of articles that name none.")] = None,
    feed: Annotated[str | None, typer.Option(help="Name of the feed, for articles of a feed file or URL.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON on stdout.")] = False,
) -> None:
    """Put articles from files, URLs or stdin onto Kafka."""
    from tocsin_contracts.settings import load_settings
    from tocsin_ingest.away import Away
    from tocsin_ingest.import_files import Import, quiet_logs
    from tocsin_ingest.settings import PipelineSettings

    settings = load_settings(PipelineSettings)
    quiet_logs()
    started = time.monotonic()
    try:
        run = Import(settings, source=source, feed=feed)
    except ValueError as error:
        print(f"TOCSIN_REDIS_URL: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    failed = False
    try:
        for name in inputs:
            failed |= not run.read(name)
    except Away as error:
        print(error, file=sys.stderr)
        print(
            f"{run.total} items were done; when the server is back, run the same command again: they are recognised. "
            "`tocsin status` shows what runs.",
            file=sys.stderr,
        )
        failed = True
    except KeyboardInterrupt:
        print(f"stopped after {run.total} items; run the same command again to go on", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        run.close()
    summary = run.summary(time.monotonic() - started)
    if as_json:
        print(json.dumps(summary))
    else:
        print(
            f"{summary['accepted']} accepted, {summary['revisions']} revisions, {summary['duplicates']} duplicates, "
            f"{summary['refused']} refused in {summary['seconds']} s",
            file=sys.stderr,
        )
    if failed or run.refused:
        raise typer.Exit(1)


ingest.__doc__ = f"{ingest.__doc__}\n{HELP_EXAMPLES}"
