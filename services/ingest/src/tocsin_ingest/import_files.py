"""Takes whole files through the pipeline, with progress for people."""

import itertools
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from tocsin_ingest.accept import Outcome, Status
from tocsin_ingest.connect_redis import connect_redis
from tocsin_ingest.fetch_url import FetchFailed, fetch_url, make_http_client
from tocsin_ingest.publish import KafkaPublisher
from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.read_files import MAX_DOCUMENT_BYTES, FileUnreadable, read_items
from tocsin_ingest.settings import PipelineSettings
from tocsin_ingest.wire import make_acceptor

BATCH: Final = 500
MAX_TOLD: Final = 20
"""Refusals shown one by one; all of them are among the dead letters."""
FETCH_TIMEOUT_S: Final = 120.0


def quiet_logs() -> None:
    """Keep the clients' logs off a person's terminal; what matters is reported as errors."""
    logging.basicConfig(stream=sys.stderr, level=logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class Import:
    """One run of the command: reads inputs one after the other and counts what became of their items."""

    def __init__(self, settings: PipelineSettings, *, source: str | None, feed: str | None) -> None:
        self._settings = settings
        self._source = source
        self._feed = feed
        self._publisher = KafkaPublisher(settings)
        self._acceptor = make_acceptor(settings, connect_redis(settings), self._publisher)
        self._counts: Counter[Status] = Counter()
        self._told = 0

    @property
    def total(self) -> int:
        """How many items have been dealt with."""
        return self._counts.total()

    @property
    def refused(self) -> int:
        """How many items were refused."""
        return self._counts[Status.REFUSED]

    def summary(self, seconds: float) -> dict[str, float | int]:
        """Return the counts for people and machines."""
        return {
            "read": self.total,
            "accepted": self._counts[Status.ACCEPTED],
            "revisions": self._counts[Status.REVISION],
            "duplicates": self._counts[Status.DUPLICATE],
            "refused": self.refused,
            "seconds": round(seconds, 1),
        }

    def close(self) -> None:
        """Close the connection to Kafka."""
        self._publisher.close(timeout_s=1.0)

    def read(self, name: str) -> bool:
        """Take one input; False when it could not be read (said on stderr). Raises KafkaAway, RedisAway."""
        try:
            with self._opened(name) as stream, self._progress(name) as progress:
                task = progress.add_task(Path(name).name or name, total=None)
                items = read_items(
                    stream, "stdin" if name == "-" else Path(name).name or name, self._source, self._feed
                )
                for batch in _batches(items):
                    self._count(batch, self._acceptor.accept(batch), progress.console)
                    progress.update(task, advance=len(batch))
        except (FileUnreadable, FetchFailed) as error:
            print(error, file=sys.stderr)
        except OSError as error:
            print(f"{name}: {error.strerror or error}", file=sys.stderr)
        else:
            return True
        return False

    def _count(self, batch: list[RawArticle | Refused], outcomes: list[Outcome], console: Console) -> None:
        for item, outcome in zip(batch, outcomes, strict=True):
            self._counts[outcome.status] += 1
            if outcome.status is Status.REFUSED and self._told < MAX_TOLD:
                self._told += 1
                where = item.origin.removeprefix("file:")
                console.print(f"{where}: refused: {outcome.detail}", markup=False, highlight=False, soft_wrap=True)
                if self._told == MAX_TOLD:
                    console.print("further refusals: see `tocsin dead-letters list`", markup=False, highlight=False)

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        if name == "-":
            yield sys.stdin.buffer
        elif name.startswith(("http://", "https://")):
            with make_http_client(self._settings) as client:
                limit = MAX_DOCUMENT_BYTES
                answer = fetch_url(client, name, headers={}, max_bytes=limit, timeout_s=FETCH_TIMEOUT_S)
            if answer.status != 200:
                raise FetchFailed(f"{name} answered {answer.status}")
            yield BytesIO(answer.body)
        else:
            with Path(name).open("rb") as stream:
                yield stream

    def _progress(self, name: str) -> Progress:
        console = Console(stderr=True)
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )


def _batches(items: Iterator[RawArticle | Refused]) -> Iterator[list[RawArticle | Refused]]:
    while batch := list(itertools.islice(items, BATCH)):
        yield batch
