"""Asks each part whether it answers. A probe returns None when it does, else what is wrong, in a few words."""

import http.client
import json
import socket
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from tocsin_cli.stack.ports import LOOPBACK

Probe = Callable[[], str | None]

TIMEOUT_S: Final = 3.0
MAX_ANSWER_BYTES: Final = 65_536


def kafka_probe(bootstrap_servers: str) -> Probe:
    """Return a probe that wants an admin client to be answered with a broker that takes part in the cluster."""

    def probe() -> str | None:
        # A refused connection is the usual answer while it starts; the client would take its whole timeout to say so.
        if not any(_accepts(server) for server in bootstrap_servers.split(",")):
            return f"nothing listens on {bootstrap_servers}"
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        timeout_ms = int(TIMEOUT_S * 1000)
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=bootstrap_servers.split(","),
                client_id="tocsin-status",
                bootstrap_timeout_ms=timeout_ms,
                request_timeout_ms=timeout_ms,
            )
            try:
                brokers = admin.describe_cluster()["brokers"]
            finally:
                admin.close()
        except (KafkaError, OSError, ValueError) as error:
            return f"Kafka does not answer: {type(error).__name__}"
        if not any(not broker.get("is_fenced") for broker in brokers):
            return "no broker has joined yet"
        return None

    return probe


def _accepts(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=TIMEOUT_S):
            return True
    except (OSError, ValueError):
        return False


def redis_probe(url: str) -> Probe:
    """Return a probe that wants PONG, which Redis says only once its data is loaded."""
    parts = urlsplit(url)
    if parts.scheme == "redis" and parts.hostname and not parts.netloc.count("@"):
        return partial(_ping, parts.hostname, parts.port or 6379)
    return partial(_ping_by_client, url)


def _ping(host: str, port: int) -> str | None:
    """Ask over a bare connection: half a second less than loading the client, several times in every start."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(b"PING\r\n")
            answer = connection.recv(200)
    except OSError as error:
        return f"Redis does not answer: {type(error).__name__}"
    if answer.startswith(b"+PONG"):
        return None
    return f"Redis answers {answer.decode('ascii', 'replace').strip()!r}"


def _ping_by_client(url: str) -> str | None:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

    try:
        with Redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        return f"Redis does not answer: {type(error).__name__}"
    return None


def http_probe(port: int) -> Probe:
    """Return a probe that wants 200 from a service's /readyz."""

    def probe() -> str | None:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            body = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException):
            return f"/readyz on port {port} does not answer"
        finally:
            connection.close()
        if response.status == http.client.OK:
            return None
        return f"/readyz says {response.status}{_reason(body)}"

    return probe


def _reason(body: bytes) -> str:
    """Return what a service gives as its reason, when it does so in a field of that meaning."""
    try:
        answer = json.loads(body)
    except ValueError:
        return ""
    if isinstance(answer, dict):
        for field in ("reason", "detail", "status"):
            if isinstance(answer.get(field), str):
                return f": {answer[field][:200]}"
    return ""
