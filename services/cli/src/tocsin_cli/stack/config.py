"""What a local stack consists of and where it lives: the settings of `tocsin up`, and their plain form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, SecretStr, field_validator

from tocsin_cli.stack.errors import StackError
from tocsin_contracts.settings import TocsinSettings

INFRASTRUCTURE: Final = ("kafka", "redis")
SERVICES: Final = ("ingest", "classify", "alert")
PARTS: Final = (*INFRASTRUCTURE, *SERVICES)
"""In the order in which they start; they stop in the reverse one."""

PORT_SETTINGS: Final[dict[str, str]] = {
    "kafka": "TOCSIN_KAFKA_PORT",
    "kafka_controller": "TOCSIN_KAFKA_CONTROLLER_PORT",
    "redis": "TOCSIN_REDIS_PORT",
    "ingest": "TOCSIN_INGEST_PORT",
    "classify": "TOCSIN_CLASSIFY_HEALTH_PORT",
    "alert": "TOCSIN_ALERT_HEALTH_PORT",
}
"""The setting that chooses each port; for the services the ones that they read themselves."""

DEFAULT_PORTS: Final[dict[str, int]] = {
    "kafka": 9092,
    "kafka_controller": 9093,
    "redis": 6379,
    "ingest": 8080,
    "classify": 8081,
    "alert": 8082,
}

_HEAP_PATTERN: Final = r"^[1-9][0-9]{0,5}[mMgG]$"


@dataclass(frozen=True)
class StackConfig:
    """One local stack.

    `parts` are those to run, a subset of PARTS. A port of 0 is replaced by a free one at each start.
    `kafka_bootstrap_servers` and `redis_url` name existing servers, which are then used and never started or stopped.
    `environment` is given to every service and `service_environment` to the one it names; both win over the caller's
    own environment, whose TOCSIN_* variables are passed on unless `inherit_settings` is off.
    """

    state_directory: Path
    cache_directory: Path
    parts: tuple[str, ...] = PARTS
    ports: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    kafka_bootstrap_servers: str | None = None
    redis_url: str | None = None
    topic_prefix: str = "tocsin."
    redis_prefix: str = "tocsin:"
    topic_partitions: int = 12
    create_topics: bool = True
    kafka_heap: str = "384m"
    startup_timeout_s: float = 180.0
    environment: Mapping[str, str] = field(default_factory=dict)
    service_environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    inherit_settings: bool = True

    @classmethod
    def isolated(cls, state_directory: Path, **changes: Any) -> Self:
        """Return a stack that shares nothing with another: free ports, its own directory, no inherited settings."""
        values: dict[str, Any] = {
            "state_directory": state_directory,
            "cache_directory": default_cache_directory(),
            "ports": dict.fromkeys(DEFAULT_PORTS, 0),
            "inherit_settings": False,
        }
        return cls(**{**values, **changes})


class StackSettings(TocsinSettings):
    """Settings of the local stack, from TOCSIN_* and the file of TOCSIN_CONFIG_FILE."""

    state_dir: Path = Path("~/.local/state/tocsin")
    cache_dir: Path = Path("~/.cache/tocsin")
    kafka_port: int = Field(default=DEFAULT_PORTS["kafka"], ge=0, le=65_535)
    kafka_controller_port: int = Field(default=DEFAULT_PORTS["kafka_controller"], ge=0, le=65_535)
    redis_port: int = Field(default=DEFAULT_PORTS["redis"], ge=0, le=65_535)
    ingest_port: int = Field(default=DEFAULT_PORTS["ingest"], ge=0, le=65_535)
    classify_health_port: int = Field(default=DEFAULT_PORTS["classify"], ge=0, le=65_535)
    alert_health_port: int = Field(default=DEFAULT_PORTS["alert"], ge=0, le=65_535)
    kafka_bootstrap_servers: str | None = Field(default=None, pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")
    redis_url: SecretStr | None = None
    topic_prefix: str = Field(default="tocsin.", pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")
    redis_prefix: str = Field(default="tocsin:", pattern=r"^[a-z0-9][a-z0-9:_-]{0,60}$")
    topic_partitions: int = Field(default=12, ge=1, le=1_000)
    kafka_heap: str = Field(default="384m", pattern=_HEAP_PATTERN)
    startup_timeout_s: float = Field(default=180.0, gt=0, le=3_600)

    @field_validator("state_dir", "cache_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    def config(self, parts: tuple[str, ...] = PARTS) -> StackConfig:
        """Return the plain form, for these parts."""
        return StackConfig(
            state_directory=self.state_dir,
            cache_directory=self.cache_dir,
            parts=parts,
            ports={
                "kafka": self.kafka_port,
                "kafka_controller": self.kafka_controller_port,
                "redis": self.redis_port,
                "ingest": self.ingest_port,
                "classify": self.classify_health_port,
                "alert": self.alert_health_port,
            },
            kafka_bootstrap_servers=self.kafka_bootstrap_servers,
            redis_url=self.redis_url.get_secret_value() if self.redis_url else None,
            topic_prefix=self.topic_prefix,
            redis_prefix=self.redis_prefix,
            topic_partitions=self.topic_partitions,
            kafka_heap=self.kafka_heap,
            startup_timeout_s=self.startup_timeout_s,
        )


def default_cache_directory() -> Path:
    """Return the cache directory of the settings: jars are worth sharing even between isolated stacks."""
    return StackSettings().cache_dir


def parse_parts(text: str | None) -> tuple[str, ...]:
    """Return the parts that `--only` names, in starting order; all of them for None.

    Raises StackError (exit code 2) for an unknown name.
    """
    if text is None:
        return PARTS
    wanted = {name.strip().lower() for name in text.split(",") if name.strip()}
    unknown = sorted(wanted - set(PARTS))
    if unknown or not wanted:
        raise StackError(
            f"--only: {', '.join(unknown) or 'nothing'} is no part; parts are {', '.join(PARTS)}", exit_code=2
        )
    return tuple(part for part in PARTS if part in wanted)
