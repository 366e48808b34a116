"""A part is ready when it gives the right answer, not when it accepts a connection."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tocsin_cli.stack.ports import LOOPBACK, free_ports
from tocsin_cli.stack.readiness import http_probe, kafka_probe, redis_probe

pytestmark = pytest.mark.unit


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], int]]:
    """Start a server that reads once and answers these bytes to everyone; returns its port."""
    servers: list[socket.socket] = []

    def start(answer: bytes) -> int:
        server = socket.create_server((LOOPBACK, 0))
        servers.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1_000)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        port: int = server.getsockname()[1]
        return port

    yield start
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def http(status: str, body: str = "{}") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_redis_that_says_pong_is_ready(answering: Callable[[bytes], int]) -> None:
    assert redis_probe(f"redis://127.0.0.1:{answering(b'+PONG' + bytes([13, 10]))}/0")() is None


def test_redis_that_still_loads_its_data_is_not_ready(answering: Callable[[bytes], int]) -> None:
    port = answering(b"-LOADING Redis is loading the dataset in memory\r\n")
    assert "LOADING" in (redis_probe(f"redis://127.0.0.1:{port}/0")() or "")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/0", "redis://user:secret@127.0.0.1:{port}/0"])
def test_redis_that_is_not_there_is_not_ready_and_no_password_is_told(url: str) -> None:
    problem = redis_probe(url.format(port=free_ports(1)[0]))()
    assert problem is not None
    assert "secret" not in problem


def test_service_that_answers_200_is_ready(answering: Callable[[bytes], int]) -> None:
    assert http_probe(answering(http("200 OK")))() is None


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http("503 Service Unavailable", '{"status": "no model"}'), "503: no model"),
        (http("503 Service Unavailable", "not json"), "503"),
        (http("404 Not Found"), "404"),
        (b"SSH-2.0-other\r\n", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_service_that_answers_anything_else_is_not_ready(
    answering: Callable[[bytes], int], answer: bytes, says: str
) -> None:
    assert says in (http_probe(answering(answer))() or "")


def test_service_that_is_not_there_is_not_ready() -> None:
    assert http_probe(free_ports(1)[0])() is not None


def test_kafka_that_is_not_there_is_not_ready_at_once() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    assert address in (kafka_probe(address)() or "")
