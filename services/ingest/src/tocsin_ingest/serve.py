"""Puts the service's parts together and keeps them running until it is told to stop."""

import logging
import signal
import socket
import sys
import threading
from datetime import timedelta
from typing import Final

import structlog
import uvicorn

from tocsin_contracts.detect_language import load_model
from tocsin_contracts.logs import configure_logs
from tocsin_contracts.settings import EXIT_BAD_SETTINGS
from tocsin_ingest.away import Away
from tocsin_ingest.connect_redis import RedisClient, connect_redis, redis_errors
from tocsin_ingest.feed_states import RedisFeedStates
from tocsin_ingest.feeds_file import Feed
from tocsin_ingest.fetch_url import make_http_client
from tocsin_ingest.http_api import Health, make_app
from tocsin_ingest.poll_feeds import Poller, PollTools
from tocsin_ingest.publish import KafkaPublisher
from tocsin_ingest.respect_robots import Robots
from tocsin_ingest.settings import IngestSettings
from tocsin_ingest.wire import make_acceptor

STOP_REQUESTS_S: Final = 4
STOP_POLLS_S: Final = 2.5
STOP_PRODUCER_S: Final = 2.0
"""Together below the ten seconds after which a supervisor kills."""

log = structlog.get_logger("tocsin_ingest")


def serve(settings: IngestSettings, feeds: list[Feed]) -> int:
    """Serve until SIGTERM or SIGINT; exit code 0 then, 1 when the port cannot be bound, 2 for a bad Redis URL."""
    configure_logs(settings, "ingest")
    # While Kafka is away its client writes several lines a second; that it is away is said once by those who wait.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        client = connect_redis(settings)
    except ValueError as error:
        print(f"TOCSIN_REDIS_URL: {error}", file=sys.stderr)
        return EXIT_BAD_SETTINGS
    try:
        listener = _listen(settings.ingest_host, settings.ingest_port)
    except OSError as error:
        address = f"{settings.ingest_host}:{settings.ingest_port}"
        print(f"cannot listen on {address}: {error.strerror}; set TOCSIN_INGEST_PORT to a free port", file=sys.stderr)
        return 1
    with listener:
        _run(settings, feeds, client, listener)
    return 0


def _run(settings: IngestSettings, feeds: list[Feed], client: RedisClient, listener: socket.socket) -> None:
    publisher = KafkaPublisher(settings)
    acceptor = make_acceptor(settings, client, publisher)
    http_client = make_http_client(settings)
    tools = PollTools(
        client=http_client,
        robots=Robots(http_client, settings.ingest_user_agent),
        acceptor=acceptor,
        states=RedisFeedStates(client, settings.redis_prefix, timedelta(days=settings.ingest_memory_days)),
        check_kafka=publisher.check,
        settings=settings,
    )
    poller = Poller(feeds, tools, settings.ingest_poll_threads)

    def ready() -> None:
        with redis_errors():
            client.ping()
        publisher.check()

    app = make_app(
        acceptor,
        Health(poller.is_alive, ready, poller.health),
        token=settings.ingest_token,
        max_body_bytes=settings.ingest_max_body_bytes,
        max_items=settings.ingest_max_items,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_REQUESTS_S,
            lifespan="off",
        )
    )
    # uvicorn hands a signal on to whoever had it before; ours keeps the exit clean, also before uvicorn listens.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    # The first push should not pay for the model and the connection.
    threading.Thread(target=_warm_up, args=(publisher,), name="warm-up", daemon=True).start()
    poller.start()
    host, port = listener.getsockname()[:2]
    log.info("listening", host=host, port=port, feeds=len(feeds), token=settings.ingest_token is not None)
    server.run(sockets=[listener])
    stopped = poller.stop(STOP_POLLS_S)
    publisher.close(STOP_PRODUCER_S)
    http_client.close()
    log.info("stopped", polls_finished=stopped)


def _warm_up(publisher: KafkaPublisher) -> None:
    load_model()
    try:
        publisher.check()
    except Away as error:
        log.warning("waiting for Kafka", reason=str(error))


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener
