"""The one way in which Tocsin's services read Kafka with Faust so that nothing is lost.

A service gives a `Handler`; `run_worker` reads its topic in batches, hands each batch over, sends what comes back,
waits for the broker to acknowledge it, and only then acknowledges the batch. ARCHITECTURE.md gives the reasons.
"""

from tocsin_contracts.worker.records import Handler, Outgoing, Record, RetryLater
from tocsin_contracts.worker.run import run_worker
from tocsin_contracts.worker.settings import WorkerSettings

__all__ = ["Handler", "Outgoing", "Record", "RetryLater", "WorkerSettings", "run_worker"]
