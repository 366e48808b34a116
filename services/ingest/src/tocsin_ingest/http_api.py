"""The HTTP way in: `POST /v1/articles`, and `GET /livez` and `/readyz` for whoever watches the service."""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Annotated, Any, Final

import anyio.to_thread
from fastapi import Depends, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field, SecretStr

from tocsin_contracts.fields import Id
from tocsin_ingest.accept import Acceptor, Outcome, Status
from tocsin_ingest.away import Away
from tocsin_ingest.raw_article import RawArticle, Refused
from tocsin_ingest.read_pushed import (
    InvalidItems,
    ItemError,
    NotJson,
    PushedArticle,
    TooManyItems,
    raw_article,
    read_json,
    read_ndjson,
    validate_items,
)
from tocsin_ingest.settings import is_loopback

JSON_TYPES: Final = frozenset({"application/json"})
NDJSON_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines"}
)
BODY_TIMEOUT_S: Final = 30.0
RETRY_AFTER_S: Final = 5
MAX_AT_WORK: Final = 8
"""Pushes that wait for Kafka at the same time; the producer batches them together."""
MAX_WAITING: Final = 64
"""Pushes in memory, those at work included; the next one is asked to come again."""


class ArticleReceipt(BaseModel):
    """What became of one article: `accepted` (new), `revision` (edited) or `duplicate` (known, dropped)."""

    item: int = Field(ge=0)
    status: Status
    article_id: Id
    revision: int = Field(ge=1)
    story_id: Id


class Receipt(BaseModel):
    """Every article of the request, acknowledged by Kafka."""

    accepted: int
    revisions: int
    duplicates: int
    articles: list[ArticleReceipt]


class FieldProblem(BaseModel):
    """One wrong field of one item."""

    item: int
    field: str
    message: str


class Problem(BaseModel):
    """Why a request was refused. Nothing of it was taken."""

    error: str
    detail: str
    errors: list[FieldProblem] = []


class RequestRefused(Exception):
    """Ends a request with a status and a Problem."""

    def __init__(
        self, status: int, error: str, detail: str, errors: list[ItemError] | None = None, **headers: str
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = Problem(
            error=error, detail=detail, errors=[FieldProblem(**asdict(problem)) for problem in errors or []]
        )
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Health:
    """What /livez and /readyz report. Both functions may block; `ready` raises Away."""

    def __init__(
        self, alive: Callable[[], bool], ready: Callable[[], None], facts: Callable[[], Mapping[str, object]]
    ) -> None:
        self.alive = alive
        self.ready = ready
        self.facts = facts


def make_app(
    acceptor: Acceptor, health: Health, *, token: SecretStr | None, max_body_bytes: int, max_items: int
) -> FastAPI:
    """Return the application. Without a `token` only requests to a loopback name are answered."""
    app = FastAPI(
        title="Tocsin ingest",
        version="1",
        description="Push news articles into Tocsin. A 202 means that Kafka has them.",
        docs_url=None,
        redoc_url=None,
    )
    limiter = anyio.CapacityLimiter(MAX_AT_WORK)
    ready_limiter = anyio.CapacityLimiter(1)
    waiting = 0
    bearer = HTTPBearer(auto_error=False, description="TOCSIN_INGEST_TOKEN")

    async def authorised(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
    ) -> None:
        if token is None:
            # Without a token, being local is the permission: a web page that renamed its own host to ours has none.
            if not is_loopback(_host(request)):
                raise RequestRefused(403, "not-local", "without a token, only requests to localhost are answered")
            return
        given = credentials.credentials if credentials else ""
        if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
            raise RequestRefused(
                401, "unauthorised", "send the header `Authorization: Bearer <token>`", WWW_Authenticate="Bearer"
            )

    @app.exception_handler(RequestRefused)
    async def refuse(_request: Request, refusal: RequestRefused) -> JSONResponse:
        return JSONResponse(refusal.problem.model_dump(), refusal.status, refusal.headers)

    problems: dict[int | str, dict[str, Any]] = {
        400: {"model": Problem, "description": "the body is no JSON"},
        401: {"model": Problem, "description": "the bearer token is missing or wrong"},
        408: {"model": Problem, "description": "the body did not arrive in time"},
        413: {"model": Problem, "description": "the body is too large or has too many articles"},
        415: {"model": Problem, "description": "neither JSON nor NDJSON"},
        422: {"model": Problem, "description": "an article does not fit; item and field are named"},
        503: {"model": Problem, "description": "Kafka or Redis is away; Retry-After says when to come again"},
    }

    @app.post(
        "/v1/articles",
        status_code=202,
        response_model=Receipt,
        responses=problems,
        dependencies=[Depends(authorised)],
        openapi_extra={"requestBody": _request_body()},
    )
    async def push_articles(request: Request) -> Receipt:
        """Push one article (JSON object) or several (JSON array or NDJSON): all are taken, or none is."""
        nonlocal waiting
        read = _reader(request)
        if waiting >= MAX_WAITING:
            raise RequestRefused(503, "busy", "too many requests at once", Retry_After="1")
        waiting += 1
        try:
            body = await _body(request, max_body_bytes)
            return await anyio.to_thread.run_sync(lambda: _take(body, read, acceptor, max_items), limiter=limiter)
        finally:
            waiting -= 1

    @app.get("/livez")
    async def livez() -> Response:
        """Answer 200 while the service works, 503 when a polling thread has stopped making progress."""
        alive = health.alive()
        return JSONResponse({"status": "alive" if alive else "stalled"}, 200 if alive else 503)

    @app.get("/readyz")
    async def readyz() -> Response:
        """Answer 200 when Kafka and Redis answer, else 503 with the reason."""
        try:
            await anyio.to_thread.run_sync(health.ready, limiter=ready_limiter)
        except Away as error:
            return JSONResponse({"status": "not ready", "reason": str(error), **health.facts()}, 503)
        return JSONResponse({"status": "ready", **health.facts()})

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            schema = PushedArticle.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document["components"]["schemas"]
            schemas.update(schema.pop("$defs", {}))
            schemas["PushedArticle"] = schema
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _take(body: bytes, read: Callable[[bytes, int], list[Any]], acceptor: Acceptor, max_items: int) -> Receipt:
    try:
        items = read(body, max_items)
        raws = [
            raw_article(article, origin="push", payload=json.dumps(item).encode())
            for article, item in zip(validate_items(items), items, strict=True)
        ]
        outcomes = acceptor.accept(_readable(raws, acceptor))
    except NotJson as error:
        raise RequestRefused(400, "not-json", str(error), [ItemError(error.item, "", str(error))]) from error
    except TooManyItems as error:
        raise RequestRefused(413, "too-many-articles", str(error)) from error
    except InvalidItems as error:
        first = error.errors[0]
        detail = f"item {first.item}: {first.field + ': ' if first.field else ''}{first.message}"
        raise RequestRefused(422, "invalid-article", detail, error.errors) from error
    except Away as error:
        detail = f"{error}; nothing is lost if you send it again"
        raise RequestRefused(503, "away", detail, Retry_After=str(RETRY_AFTER_S)) from error
    return _receipt(outcomes)


def _readable(raws: list[RawArticle], acceptor: Acceptor) -> list[RawArticle]:
    """Raise InvalidItems when an article has nothing left to read once its markup is gone."""
    errors = [
        ItemError(index, "text", "neither title nor text holds anything to read")
        for index, raw in enumerate(raws)
        if isinstance(acceptor.clean(raw), Refused)
    ]
    if errors:
        raise InvalidItems(errors)
    return raws


def _receipt(outcomes: list[Outcome]) -> Receipt:
    articles = [
        ArticleReceipt.model_validate(
            {
                "item": index,
                "status": outcome.status,
                "article_id": outcome.article_id,
                "revision": outcome.revision,
                "story_id": outcome.story_id,
            }
        )
        for index, outcome in enumerate(outcomes)
    ]
    counts = {status: sum(article.status is status for article in articles) for status in Status}
    return Receipt(
        accepted=counts[Status.ACCEPTED],
        revisions=counts[Status.REVISION],
        duplicates=counts[Status.DUPLICATE],
        articles=articles,
    )


def _reader(request: Request) -> Callable[[bytes, int], list[Any]]:
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise RequestRefused(415, "unsupported-encoding", "send the body without Content-Encoding")
    if charset not in ("", "utf-8", "utf8"):
        raise RequestRefused(415, "unsupported-charset", "send JSON as UTF-8")
    if media_type.strip() in JSON_TYPES:
        return read_json
    if media_type.strip() in NDJSON_TYPES:
        return read_ndjson
    raise RequestRefused(415, "unsupported-type", "Content-Type must be application/json or application/x-ndjson")


async def _body(request: Request, max_bytes: int) -> bytes:
    too_large = RequestRefused(413, "body-too-large", f"the body has more than {max_bytes} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > max_bytes:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise RequestRefused(408, "too-slow", f"the body took more than {BODY_TIMEOUT_S:.0f} seconds") from error
    return b"".join(chunks)


def _host(request: Request) -> str:
    host = request.headers.get("host", "")
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _request_body() -> dict[str, Any]:
    one = {"$ref": "#/components/schemas/PushedArticle"}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one article per line"}},
        },
    }
