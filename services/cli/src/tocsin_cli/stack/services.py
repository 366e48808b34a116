"""The three services as parts of a local stack: how each is started and what it is told."""

import importlib.util
import os
import sys
from collections.abc import Mapping

from tocsin_cli.stack.config import StackConfig
from tocsin_cli.stack.errors import missing_extra
from tocsin_cli.stack.ports import LOOPBACK

HOST_SETTINGS = {
    "ingest": "TOCSIN_INGEST_HOST",
    "classify": "TOCSIN_CLASSIFY_HEALTH_HOST",
    "alert": "TOCSIN_ALERT_HEALTH_HOST",
}


def require_service(name: str) -> None:
    """Raise StackError unless the service's distribution is installed beside this one."""
    if importlib.util.find_spec(f"tocsin_{name}") is None:
        raise missing_extra(f"tocsin_{name}", "leave the part out with --only")


def service_command(name: str) -> tuple[str, ...]:
    """Return the command line of a service, run by this same Python."""
    return (sys.executable, "-m", f"tocsin_{name}")


def service_environment(
    name: str,
    config: StackConfig,
    *,
    kafka_bootstrap_servers: str,
    redis_url: str,
    ports: Mapping[str, int],
    port_settings: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of a service: where its servers are, and what the stack's owner adds.

    Services bind to loopback here whatever the caller's environment says: this is a stack for one machine.
    """
    inherited = {
        key: value
        for key, value in os.environ.items()
        if config.inherit_settings or not key.upper().startswith("TOCSIN_")
    }
    own = {
        "TOCSIN_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap_servers,
        "TOCSIN_REDIS_URL": redis_url,
        "TOCSIN_TOPIC_PREFIX": config.topic_prefix,
        "TOCSIN_REDIS_PREFIX": config.redis_prefix,
        "TOCSIN_TOPIC_PARTITIONS": str(config.topic_partitions),
        HOST_SETTINGS[name]: LOOPBACK,
        port_settings[name]: str(ports[name]),
        "PYTHONUNBUFFERED": "1",
    }
    return {**inherited, **own, **config.environment, **config.service_environment.get(name, {})}
