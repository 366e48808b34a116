"""Runs ingest: the HTTP API and the feeds' polling threads, until SIGTERM or Ctrl-C. `python -m tocsin_ingest`."""

import sys

from tocsin_contracts.settings import EXIT_BAD_SETTINGS, load_settings
from tocsin_ingest.feeds_file import FeedsFileError, read_feeds_file
from tocsin_ingest.settings import IngestSettings


def main() -> int:
    """Run the service; exit code 0 after a signal, 1 when the port cannot be bound, 2 for bad settings."""
    settings = load_settings(IngestSettings)
    try:
        feeds = read_feeds_file(settings.ingest_feeds_file) if settings.ingest_feeds_file else []
    except FeedsFileError as error:
        print(error, file=sys.stderr)
        return EXIT_BAD_SETTINGS
    # Only now: what is wrong with the settings is told at once, the clients take seconds to load.
    from tocsin_ingest.serve import serve

    return serve(settings, feeds)


if __name__ == "__main__":
    sys.exit(main())
