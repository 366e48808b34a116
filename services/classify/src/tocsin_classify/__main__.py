"""Runs the classify service: `python -m tocsin_classify`."""

import sys

from tocsin_classify.handle_articles import SERVICE, ArticleHandler
from tocsin_classify.load_classifier import load_classifier
from tocsin_classify.model_directory import ModelDirectoryError, read_model_directory
from tocsin_classify.worker_settings import ClassifySettings
from tocsin_contracts.logs import configure_logs
from tocsin_contracts.settings import EXIT_BAD_SETTINGS, LogSettings, load_settings
from tocsin_contracts.topics import ARTICLES
from tocsin_contracts.worker import run_worker


def main() -> int:
    """Work until told to stop; return 0 after a clean stop, 1 after a failure, 2 for settings that cannot be used."""
    settings = load_settings(ClassifySettings)
    configure_logs(load_settings(LogSettings), SERVICE)
    try:
        directory = settings.model_directory()
        # Cheap, and better now than seconds later, when the libraries are loaded.
        read_model_directory(directory)
    except ModelDirectoryError as error:
        print(f"TOCSIN_CLASSIFY_MODEL: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    return run_worker(
        service=SERVICE,
        source=ARTICLES,
        handler=ArticleHandler(lambda: load_classifier(directory, settings.threads()), settings.topic_prefix),
        settings=settings,
        health_host=settings.classify_health_host,
        health_port=settings.classify_health_port,
    )


if __name__ == "__main__":
    sys.exit(main())
