"""Ports on the loopback address: free ones, and whose a taken one is."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tocsin_cli.stack.errors import StackError

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class WantedPort:
    """A port that a part will listen on, and the setting that chooses it."""

    part: str
    setting: str
    port: int


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listens on now, chosen by the operating system."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for item in sockets:
            item.bind((LOOPBACK, 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections of an earlier run that are still closing do not keep the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(wanted: Iterable[WantedPort]) -> None:
    """Raise StackError that names every taken port, its setting and, where known, the process that has it."""
    ports = list(wanted)
    problems = []
    for number, item in enumerate(ports):
        twin = next((other for other in ports[:number] if other.port == item.port), None)
        if twin is not None:
            problems.append(
                f"port {item.port} is meant for both {twin.part} ({twin.setting}) and {item.part}: "
                f"set {item.setting} to another one"
            )
        elif not is_free(item.port):
            owner = owner_of(item.port)
            holder = f"by {owner}" if owner else "by another process"
            problems.append(
                f"port {item.port} ({item.part}) is taken {holder}: stop that, or set {item.setting} to another port"
            )
    if problems:
        raise StackError("\n".join(problems))


def owner_of(port: int) -> str | None:
    """Return name and process id of the listener on `port`; None when the system does not tell."""
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    return None
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None
