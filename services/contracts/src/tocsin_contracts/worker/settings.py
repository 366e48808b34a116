"""Settings of a worker."""

from pydantic import Field

from tocsin_contracts.settings import KafkaSettings


class WorkerSettings(KafkaSettings):
    """How a worker batches, and when it counts as stalled. Times in seconds."""

    worker_batch_size: int = Field(default=32, ge=1, le=1_000)
    worker_batch_within_s: float = Field(default=0.1, gt=0, lt=1)
    """Below one second: Faust's shutdown waits for it, and it is the least delay of a lone article."""
    worker_stalled_after_s: float = Field(default=120.0, ge=5)
    worker_session_timeout_s: float = Field(default=10.0, ge=6, le=300)
    """Faust's default of 60 s leaves the partitions of a killed worker idle that long."""
