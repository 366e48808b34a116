"""Settings that every service reads, from the environment (`TOCSIN_…`) and from an optional TOML file.

The file is named by `TOCSIN_CONFIG_FILE`; its keys are the variables' names without the prefix, in lower case. The
environment wins over the file.
"""

import os
import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

S = TypeVar("S", bound="TocsinSettings")

EXIT_BAD_SETTINGS = 2


class TocsinSettings(BaseSettings):
    """Base of all settings: environment first, then the file that TOCSIN_CONFIG_FILE names."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources; the file comes last and is optional."""
        file = os.environ.get("TOCSIN_CONFIG_FILE")
        if not file:
            return init_settings, env_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(file))


class KafkaSettings(TocsinSettings):
    """Where Kafka is and how its topics are named."""

    kafka_bootstrap_servers: str = Field(default="127.0.0.1:9092", pattern=r"^[^\s,:]+:\d+(,[^\s,:]+:\d+)*$")
    topic_prefix: str = Field(default="tocsin.", pattern=r"^[a-z0-9][a-z0-9._-]{0,60}$")
    topic_partitions: int = Field(default=12, ge=1, le=1_000)
    topic_replication_factor: int = Field(default=1, ge=1, le=9)


class RedisSettings(TocsinSettings):
    """Where Redis (or Valkey) is and what its keys begin with."""

    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    redis_prefix: str = Field(default="tocsin:", pattern=r"^[a-z0-9][a-z0-9:_-]{0,60}$")


class LogSettings(TocsinSettings):
    """How a service logs: JSON for machines, console for people."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"


def load_settings(kind: type[S]) -> S:
    """Read settings of `kind`, or end the process with one line per wrong setting and exit code 2."""
    try:
        return kind()
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            name = "TOCSIN_" + "_".join(str(step) for step in item["loc"]).upper()
            print(f"{name}: {item['msg']}", file=sys.stderr)
    except (OSError, ValueError) as error:
        print(f"TOCSIN_CONFIG_FILE: {error}", file=sys.stderr)
    raise SystemExit(EXIT_BAD_SETTINGS)
