"""A worker for the tests: sends every article's bytes on to the classified topic, slowly; `poison` always fails."""

import asyncio
import os
import sys
from collections.abc import Sequence

from tocsin_contracts.logs import configure_logs
from tocsin_contracts.settings import LogSettings
from tocsin_contracts.topics import ARTICLES, CLASSIFIED
from tocsin_contracts.worker import Outgoing, Record, WorkerSettings, run_worker


class Echo:
    """Sends on what it is given."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.topic = CLASSIFIED.full_name(settings.topic_prefix)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def health(self) -> dict[str, object]:
        return {"echo": True}

    async def handle(self, records: Sequence[Record]) -> Sequence[Outgoing]:
        await asyncio.sleep(0.05)
        if any(record.value == b"poison" for record in records):
            raise ValueError("poison")
        return [Outgoing(self.topic, record.key, record.value or b"") for record in records]


def main() -> int:
    """Run until told to stop."""
    settings = WorkerSettings(worker_batch_size=8, worker_session_timeout_s=6)
    configure_logs(LogSettings(), "classify")
    return run_worker(
        service="classify",
        source=ARTICLES,
        handler=Echo(settings),
        settings=settings,
        health_host="127.0.0.1",
        health_port=int(os.environ["HEALTH_PORT"]),
    )


if __name__ == "__main__":
    sys.exit(main())
