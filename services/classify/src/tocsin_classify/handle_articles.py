"""What the service does with a batch of records: each becomes a tagged article or a dead letter."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from tocsin_classify.classify_batch import Classifier, Closed, Outcome
from tocsin_classify.count_abstentions import AbstentionCounter
from tocsin_contracts.article import ArticleV1
from tocsin_contracts.classified import ClassifiedV1
from tocsin_contracts.codec import UnreadableMessage, decode, encode, event_headers
from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.topics import CLASSIFIED, DEAD_LETTERS
from tocsin_contracts.worker import Outgoing, Record, RetryLater
from tocsin_contracts.worker.refuse_record import refuse_record

SERVICE = "classify"


class ArticleHandler:
    """A `tocsin_contracts.worker.Handler`. The result depends on the record alone, so that repeats do no harm."""

    def __init__(
        self,
        load: Callable[[], Classifier],
        topic_prefix: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take how to load the classifier, which happens in `start`, off the event loop."""
        self._load = load
        self._classified_topic = CLASSIFIED.full_name(topic_prefix)
        self._dead_letter_topic = DEAD_LETTERS.full_name(topic_prefix)
        self._now = now
        # One thread: the classifier is used by one at a time and brings its own threads for inference.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="classify")
        self._classifier: Classifier | None = None
        self._counter = AbstentionCounter(time.monotonic)

    async def start(self) -> None:
        """Load the model and the gazetteer."""
        self._classifier = await asyncio.get_running_loop().run_in_executor(self._executor, self._load)

    async def stop(self) -> None:
        """End the threads; a batch under way is dropped, and read again after the restart."""
        if self._classifier:
            self._classifier.close()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._counter.flush()

    async def handle(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        """Return one message per record, in their order.

        Raises RetryLater when the service is stopped meanwhile: the articles are not at fault.
        """
        if self._classifier is None:
            raise RuntimeError("handle() before start()")
        articles: dict[int, ArticleV1] = {}
        outgoing: dict[int, Outgoing] = {}
        for index, record in enumerate(records):
            try:
                articles[index] = decode(ArticleV1, record.value)
            except UnreadableMessage as error:
                outgoing[index] = self._refuse(record, error.reason, str(error), retryable=False)
        try:
            outcomes = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._classifier.classify_batch, list(articles.values())
            )
        except Closed as closed:
            raise RetryLater("the service is stopping") from closed
        self._counter.add(outcome for outcome in outcomes if isinstance(outcome, ClassifiedV1))
        for index, outcome in zip(articles, outcomes, strict=True):
            outgoing[index] = self._pass_on(records[index], outcome)
        return [outgoing[index] for index in range(len(records))]

    def health(self) -> Mapping[str, object]:
        """Say which model judges, and how many articles it tagged and abstained on since the start."""
        if self._classifier is None:
            return {"model": None}
        model = self._classifier.backend.settings
        return {"model": model.model_name, "model_version": model.model_version, **self._counter.facts()}

    def _pass_on(self, record: Record, outcome: Outcome) -> Outgoing:
        if not isinstance(outcome, ClassifiedV1):
            # Another version of the model may do better.
            return self._refuse(record, "inference-failed", outcome.reason, retryable=True)
        headers = event_headers(outcome, service=SERVICE, time=outcome.classified_at, traceparent=record.traceparent)
        return Outgoing(self._classified_topic, outcome.article_id.encode(), encode(outcome), headers)

    def _refuse(self, record: Record, reason: str, detail: str, *, retryable: bool) -> Outgoing:
        return refuse_record(
            record,
            stage=Stage.CLASSIFY,
            dead_letter_topic=self._dead_letter_topic,
            reason=reason,
            detail=detail,
            failed_at=self._now(),
            retryable=retryable,
        )
