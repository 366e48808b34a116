"""A taken port is found before anything is started, and its error says what to do."""

import os
import socket

import pytest

from tocsin_cli.stack.errors import StackError
from tocsin_cli.stack.ports import LOOPBACK, WantedPort, free_ports, is_free, require_free

pytestmark = pytest.mark.unit


def test_free_ports_are_different_and_free() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(is_free(port) for port in ports)
    require_free(WantedPort("kafka", "TOCSIN_KAFKA_PORT", port) for port in ports[:1])


def test_taken_port_is_named_with_its_setting_and_its_process() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StackError) as caught:
            require_free([WantedPort("redis", "TOCSIN_REDIS_PORT", port)])
    message = str(caught.value)
    assert f"port {port} (redis)" in message
    assert "TOCSIN_REDIS_PORT" in message
    assert f"(pid {os.getpid()})" in message


def test_every_taken_port_is_named_at_once() -> None:
    with socket.create_server((LOOPBACK, 0)) as one, socket.create_server((LOOPBACK, 0)) as two:
        ports = [one.getsockname()[1], two.getsockname()[1]]
        with pytest.raises(StackError) as caught:
            require_free([WantedPort("kafka", "A", ports[0]), WantedPort("redis", "B", ports[1])])
    assert all(str(port) in str(caught.value) for port in ports)


def test_one_port_for_two_parts_is_refused() -> None:
    port = free_ports(1)[0]
    with pytest.raises(StackError, match=r"both kafka .* and redis"):
        require_free([WantedPort("kafka", "A", port), WantedPort("redis", "B", port)])
