"""Runs a worker from start to a clean stop."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tocsin_contracts.dead_letter import Stage
from tocsin_contracts.topics import DEAD_LETTERS, TopicDeclaration
from tocsin_contracts.worker.batches import Work
from tocsin_contracts.worker.faust_app import add_batch_loop, build_app, send_all
from tocsin_contracts.worker.health import serve_health
from tocsin_contracts.worker.progress import Progress
from tocsin_contracts.worker.records import Handler
from tocsin_contracts.worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

OFFSETS_EVERY_S = 5.0
STOP_WITHIN_S = 8.0
EXIT_FAILED = 1


def run_worker(
    *,
    service: str,
    source: TopicDeclaration,
    handler: Handler,
    settings: WorkerSettings,
    health_host: str,
    health_port: int,
    background: Sequence[Callable[[], Awaitable[None]]] = (),
) -> int:
    """Work until SIGTERM or SIGINT and return the exit code: 0 after a clean stop, 1 when the worker failed.

    `background` are coroutines that run beside the batches until the stop; one that fails ends the worker, so that
    whoever supervises it starts it anew.
    """
    with TemporaryDirectory(prefix=f"tocsin-{service}-") as data:
        worker = _Worker(service, source, handler, settings, background, Path(data))
        return asyncio.run(worker.run(health_host, health_port))


class _Worker:
    def __init__(
        self,
        service: str,
        source: TopicDeclaration,
        handler: Handler,
        settings: WorkerSettings,
        background: Sequence[Callable[[], Awaitable[None]]],
        data: Path,
    ) -> None:
        self.service = service
        self.source = source
        self.handler = handler
        self.settings = settings
        self.background = background
        self.data = data
        self.started = False
        self.progress = Progress(stalled_after_s=settings.worker_stalled_after_s)

    async def run(self, health_host: str, health_port: int) -> int:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self.app = build_app(self.service, self.settings, self.data)
        self.work = Work(
            stage=Stage(self.service),
            handler=self.handler,
            send=partial(send_all, self.app),
            dead_letter_topic=DEAD_LETTERS.full_name(self.settings.topic_prefix),
        )
        add_batch_loop(self.app, self.source, self.work, self.settings)
        try:
            health = await serve_health(health_host, health_port, live=self._live, ready=self._ready)
        except OSError as error:
            log.error("cannot answer health requests", address=f"{health_host}:{health_port}", reason=str(error))  # noqa: TRY400
            return EXIT_FAILED
        try:
            return await self._run_until(stop)
        finally:
            await health.cleanup()

    async def _run_until(self, stop: asyncio.Event) -> int:
        stopping = asyncio.ensure_future(stop.wait())
        starting = asyncio.ensure_future(self._start())
        tasks: list[asyncio.Future[Any]] = []
        try:
            await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                return 0
            starting.result()
            log.info("started", topic=self.source.full_name(self.settings.topic_prefix))
            tasks = [asyncio.ensure_future(run()) for run in (self._watch_offsets, *self.background)]
            crashed = asyncio.ensure_future(self.app.wait_until_stopped())
            tasks.append(crashed)
            await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                return 0
            for task in tasks:
                if task.done() and not task.cancelled() and (failure := task.exception()):
                    log.error("failed", exc_info=failure)
            log.error("the worker ended by itself", reason=str(self.app.crash_reason or "a background task ended"))
        except Exception:
            log.exception("could not start")
        finally:
            await self._stop([stopping, starting, *tasks])
        return EXIT_FAILED

    async def _start(self) -> None:
        # What the handler loads may take seconds, as Kafka may.
        await asyncio.gather(self._wait_for_topics(), self.handler.start())
        await self.app.start()
        self.started = True

    async def _wait_for_topics(self) -> None:
        """Faust gives up where Kafka is away or a topic is missing at the start; this waits for both."""
        wanted = {topic.full_name(self.settings.topic_prefix) for topic in (self.source, DEAD_LETTERS)}
        announced = ""
        while True:
            consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
            try:
                await consumer.start()
                missing = wanted - await consumer.topics()
                reason = f"no topic {', '.join(sorted(missing))}" if missing else ""
            except (KafkaError, OSError) as error:
                reason = f"Kafka at {self.settings.kafka_bootstrap_servers}: {error}"
            finally:
                with contextlib.suppress(KafkaError, OSError):
                    await consumer.stop()
            if not reason:
                return
            if reason != announced:
                log.warning("waiting", reason=reason)
                announced = reason
            await asyncio.sleep(1.0)

    async def _stop(self, tasks: Sequence[asyncio.Future[Any]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.app.stop()
        except TimeoutError:
            # What was not acknowledged is read again after the restart.
            log.warning("stopped without waiting for Faust")
        except Exception:
            log.exception("Faust did not stop cleanly")
        await self.handler.stop()
        log.info("stopped", records=self.work.records_done, sent=self.work.messages_sent)

    async def _watch_offsets(self) -> None:
        topic = self.source.full_name(self.settings.topic_prefix)
        group = f"{self.settings.topic_prefix}{self.service}"
        servers = self.settings.kafka_bootstrap_servers
        while True:
            consumer = AIOKafkaConsumer(bootstrap_servers=servers)
            admin = AIOKafkaAdminClient(bootstrap_servers=servers)
            try:
                await consumer.start()
                await admin.start()
                while True:
                    owned = [TopicPartition(topic, number) for number in self._owned_partitions(topic)]
                    ends = await consumer.end_offsets(owned) if owned else {}
                    offsets = await admin.list_consumer_group_offsets(group, partitions=owned) if owned else {}
                    self.progress.observe(
                        {tp.partition: max(0, entry.offset) for tp, entry in offsets.items()},
                        {tp.partition: end for tp, end in ends.items()},
                        time.monotonic(),
                    )
                    await asyncio.sleep(OFFSETS_EVERY_S)
            except (KafkaError, OSError) as error:
                log.warning("cannot read offsets", reason=str(error) or type(error).__name__)
                await asyncio.sleep(OFFSETS_EVERY_S)
            finally:
                with contextlib.suppress(KafkaError, OSError):
                    await consumer.stop()
                    await admin.close()

    def _owned_partitions(self, topic: str) -> list[int]:
        return sorted(tp.partition for tp in self.app.consumer.assignment() if tp.topic == topic)

    def _live(self) -> tuple[bool, Mapping[str, object]]:
        waiting = self.work.waiting_since is not None
        stalled = self.progress.stalled(time.monotonic()) and not waiting
        return not stalled, {"stalled": stalled, "lag": self.progress.lag}

    def _ready(self) -> tuple[bool, Mapping[str, object]]:
        work = self.work
        waited_s = (datetime.now(UTC) - work.waiting_since).total_seconds() if work.waiting_since else 0.0
        ready = self.started and bool(self.app.consumer.assignment()) and not work.waiting_since
        return ready, {
            "service": self.service,
            "started": self.started,
            "lag": self.progress.lag,
            "records_done": work.records_done,
            "messages_sent": work.messages_sent,
            "dead_letters": work.dead_letters,
            "waiting_for": work.waiting_for or None,
            "waited_s": round(waited_s, 1),
            **self.handler.health(),
        }
