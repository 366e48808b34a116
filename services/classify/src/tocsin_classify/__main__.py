"""Runs the classify service: `python -m tocsin_classify`."""

import signal
import sys
from types import FrameType
from typing import NoReturn

from tocsin_classify.handle_articles import SERVICE, ArticleHandler
from tocsin_classify.load_classifier import load_configured_classifier
from tocsin_classify.model_directory import ModelDirectoryError
from tocsin_classify.worker_settings import ClassifySettings
from tocsin_contracts.logs import configure_logs
from tocsin_contracts.settings import EXIT_BAD_SETTINGS, LogSettings, load_settings
from tocsin_contracts.topics import ARTICLES
from tocsin_contracts.worker import run_worker


def main() -> int:
    """Work until told to stop; return 0 after a clean stop, 1 after a failure, 2 for settings that cannot be used."""
    settings = load_settings(ClassifySettings)
    configure_logs(load_settings(LogSettings), SERVICE)
    # Until the worker takes the signals over.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        # Before Kafka is asked for anything: a model that does not fit is refused, whether or not Kafka is there.
        classifier = load_configured_classifier(settings)
    except ModelDirectoryError as error:
        variable = "TOCSIN_CLASSIFY_MODEL: " if settings.classify_backend == "onnx" else ""
        print(f"{variable}{error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    return run_worker(
        service=SERVICE,
        source=ARTICLES,
        handler=ArticleHandler(lambda: classifier, settings.topic_prefix),
        settings=settings,
        health_host=settings.classify_health_host,
        health_port=settings.classify_health_port,
    )


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    """Nothing was taken yet, so that nothing is left to finish."""
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
