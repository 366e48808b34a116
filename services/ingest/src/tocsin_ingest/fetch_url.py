"""One bounded GET: http and https only, at most so many bytes, seconds and redirects, and none that turns inwards."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from tocsin_ingest.canonical_url import BadUrl, canonical_url
from tocsin_ingest.settings import FetchSettings

MAX_REDIRECTS: Final = 5
CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 15.0

Resolver = Callable[[str], list[str]]


class FetchFailed(Exception):
    """The address could not be had this time. `retry_after_s` is what the server asked for, if it did."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Answer:
    """The last answer after redirects. `body` is read (and decoded) only where the status is 200."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def make_http_client(settings: FetchSettings) -> httpx.Client:
    """Return the client all fetches share. Redirects are followed here, where each can be looked at."""
    return httpx.Client(
        headers={"User-Agent": settings.ingest_user_agent, "Accept-Encoding": "gzip, deflate"},
        timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        follow_redirects=False,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
    )


def resolve(host: str) -> list[str]:
    """Return the addresses of a host; empty when it has none that this machine can see (behind a proxy, say)."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def fetch_url(
    client: httpx.Client,
    url: str,
    *,
    headers: Mapping[str, str],
    max_bytes: int,
    timeout_s: float,
    resolver: Resolver = resolve,
) -> Answer:
    """GET `url` within the bounds given. Raises FetchFailed when there is no answer within them; any status is one."""
    deadline = time.monotonic() + timeout_s
    for _ in range(MAX_REDIRECTS + 1):
        with _opened(client, url, headers) as response:
            # `is_redirect` would be true of 304 Not Modified as well.
            if not response.has_redirect_location:
                body = _read(response, max_bytes, deadline) if response.status_code == httpx.codes.OK else b""
                return Answer(response.status_code, response.headers, body, url)
            url = _redirected(url, response.headers.get("location", ""), resolver)
    raise FetchFailed(f"more than {MAX_REDIRECTS} redirects, the last to {url}")


@contextmanager
def _opened(client: httpx.Client, url: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
    try:
        with client.stream("GET", url, headers=dict(headers)) as response:
            yield response
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        raise FetchFailed(f"{url}: {error or type(error).__name__}") from error


def _read(response: httpx.Response, max_bytes: int, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_bytes(chunk_size=64 * 1024):
        size += len(chunk)
        if size > max_bytes:
            raise FetchFailed(f"{response.url} is larger than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise FetchFailed(f"{response.url} took too long")
        chunks.append(chunk)
    return b"".join(chunks)


def _redirected(url: str, location: str, resolver: Resolver) -> str:
    try:
        target = urljoin(url, location)
        canonical_url(target)
    except (BadUrl, ValueError) as error:
        raise FetchFailed(f"{url} redirects to an address that is refused: {error}") from error
    old, new = urlsplit(url).hostname or "", urlsplit(target).hostname or ""
    # The operator chose the first address; a stranger's server must not turn it inwards.
    if old != new and _is_inside(new, resolver) and not _is_inside(old, resolver):
        raise FetchFailed(f"{url} redirects into a private network, which is refused")
    return target


def _is_inside(host: str, resolver: Resolver) -> bool:
    return any(not ipaddress.ip_address(address.split("%", 1)[0]).is_global for address in resolver(host))
