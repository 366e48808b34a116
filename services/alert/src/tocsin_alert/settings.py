"""Settings of the alert service."""

from pathlib import Path

from pydantic import Field

from tocsin_contracts.settings import LogSettings, RedisSettings, TocsinSettings
from tocsin_contracts.worker import WorkerSettings

DEFAULT_RULES = "deploy/rules/default.yaml"


def rules_of_checkout() -> Path | None:
    """Return the default rules when this runs from a checkout of the repository, else None."""
    for folder in Path(__file__).resolve().parents:
        if (folder / "services" / "alert" / "pyproject.toml").is_file() and (folder / DEFAULT_RULES).is_file():
            return folder / DEFAULT_RULES
    return None


class RulesSettings(TocsinSettings):
    """Which rules are in force. TOCSIN_RULES_FILE is required where there is no checkout with default rules."""

    rules_file: Path = Field(default_factory=lambda: rules_of_checkout() or Path(DEFAULT_RULES))


class AlertSettings(RulesSettings, WorkerSettings, RedisSettings, LogSettings):
    """All settings of the alert service. Times in seconds."""

    alert_health_host: str = "127.0.0.1"
    alert_health_port: int = Field(default=8082, ge=1, le=65_535)
    alert_stream_max_entries: int = Field(default=100_000, ge=1_000)
    """About how many alert revisions the stream keeps; at some 10 KB each, a gigabyte at most."""
    alert_timer_every_s: float = Field(default=1.0, ge=0.05, le=60)
    """How often groups that are due are looked for: the most that a resolution comes late."""
    alert_relay_lease_s: float = Field(default=15.0, ge=2, le=300)
    """How long after a crash another worker takes over the copying of alerts to Kafka."""
