"""Answers `/livez` and `/readyz` for a worker, as JSON."""

from collections.abc import Callable, Mapping

from aiohttp import web

Report = Callable[[], tuple[bool, Mapping[str, object]]]
"""Returns whether all is well, and facts for people."""


async def serve_health(host: str, port: int, *, live: Report, ready: Report) -> web.AppRunner:
    """Start answering on `host:port`. Raises OSError when the port is taken."""

    async def livez(_: web.Request) -> web.Response:
        return _answer(live)

    async def readyz(_: web.Request) -> web.Response:
        return _answer(ready)

    app = web.Application(client_max_size=1024)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner


def _answer(report: Report) -> web.Response:
    good, facts = report()
    return web.json_response({"ok": good, **facts}, status=200 if good else 503)
