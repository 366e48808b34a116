"""Settings of the ingest service, read from `TOCSIN_INGEST_…` beside those that every service has."""

import ipaddress
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from tocsin_contracts.settings import KafkaSettings, LogSettings, RedisSettings, TocsinSettings

MIN_TOKEN_CHARS = 16


class MemorySettings(RedisSettings):
    """How long ingest remembers what it has seen."""

    ingest_memory_days: float = Field(
        default=30.0, gt=0, le=3_650, description="an article not seen for this long counts as new again"
    )
    ingest_story_hours: float = Field(
        default=72.0, gt=0, le=8_760, description="near-identical texts this far apart still are one story"
    )


class PublishSettings(KafkaSettings):
    """How long to wait for Kafka before saying that it is away."""

    ingest_kafka_timeout_s: float = Field(
        default=10.0, ge=1, le=120, description="from the sending of a batch to its last acknowledgement"
    )


class FetchSettings(TocsinSettings):
    """What one fetch of a feed may cost, and who we say we are."""

    ingest_user_agent: str = Field(default="Tocsin/0.1 (feed reader)", min_length=1, max_length=200)
    ingest_fetch_timeout_s: float = Field(default=30.0, gt=0, le=600, description="whole fetch, redirects included")
    ingest_max_feed_bytes: int = Field(default=8 * 1024 * 1024, ge=1_024, le=256 * 1024 * 1024)
    ingest_max_feed_items: int = Field(default=2_000, ge=1, le=100_000)
    ingest_host_delay_s: float = Field(
        default=1.0, ge=0, le=3_600, description="between two requests to one host; loopback is exempt"
    )


class PipelineSettings(MemorySettings, PublishSettings, FetchSettings):
    """What every way in needs: the service and the command."""


class IngestSettings(PipelineSettings, LogSettings):
    """Everything the service needs. A token is required unless the API is bound to loopback."""

    ingest_host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    ingest_port: int = Field(default=8080, ge=0, le=65_535, description="0 takes a free port, which the log names")
    ingest_token: SecretStr | None = None
    ingest_feeds_file: Path | None = None
    ingest_poll_threads: int = Field(default=4, ge=1, le=64)
    ingest_max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=1_024, le=256 * 1024 * 1024)
    ingest_max_items: int = Field(default=1_000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _token_unless_loopback(self) -> Self:
        token = self.ingest_token.get_secret_value() if self.ingest_token else ""
        if self.ingest_token is not None and len(token) < MIN_TOKEN_CHARS:
            raise ValueError(f"TOCSIN_INGEST_TOKEN has {len(token)} characters, it needs at least {MIN_TOKEN_CHARS}")
        if not token and not is_loopback(self.ingest_host):
            raise ValueError(
                f"TOCSIN_INGEST_HOST={self.ingest_host} is reachable by others: set TOCSIN_INGEST_TOKEN to a secret of "
                f"at least {MIN_TOKEN_CHARS} characters, or bind to 127.0.0.1"
            )
        return self


def is_loopback(host: str) -> bool:
    """Return whether `host` (a name or an address) can only be reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
