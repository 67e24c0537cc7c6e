"""The HTTP server of the probes and the metrics. kopf's own probe knows nothing of our scorer."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler

from podvigil.serve.health import Verdict, Watchdog

STOP_SECONDS: Final = 1.0
"""A scrape under way may finish; the whole process has five seconds to stop."""

_WATCHDOG: Final = web.AppKey("watchdog", Watchdog)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    runner: web.AppRunner
    port: int

    async def stop(self) -> None:
        """Close the port and let answers under way finish."""
        await self.runner.cleanup()


async def start(host: str, port: int, watchdog: Watchdog, registry: CollectorRegistry) -> Server:
    """Serve /healthz, /readyz and /metrics; port 0 takes a free one. Raises: OSError when it is taken."""
    runner = web.AppRunner(make_app(watchdog, registry), access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return Server(runner, runner.addresses[0][1])


def make_app(watchdog: Watchdog, registry: CollectorRegistry) -> web.Application:
    """The application by itself, so that a dashboard can be added to it."""
    app = web.Application()
    app[_WATCHDOG] = watchdog
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/readyz", _readyz),
            web.get("/metrics", make_aiohttp_handler(registry)),
        ]
    )
    return app


async def _healthz(request: web.Request) -> web.Response:
    return _answer(request.app[_WATCHDOG].alive())


async def _readyz(request: web.Request) -> web.Response:
    return _answer(request.app[_WATCHDOG].ready())


def _answer(verdict: Verdict) -> web.Response:
    return web.Response(status=200 if verdict.ok else 503, text=verdict.message + "\n")
