"""The probes and the metrics, over HTTP."""

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from podvigil.serve.health import Watchdog
from podvigil.serve.server import Server, start

LOOPBACK = "127.0.0.1"


async def get(server: Server, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{LOOPBACK}:{server.port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_probes_follow_the_watchdog() -> None:
    now = 0.0
    watchdog = Watchdog(lambda: now)
    server = await start(LOOPBACK, 0, watchdog, CollectorRegistry())
    try:
        assert await get(server, "/healthz") == (200, "alive\n")
        assert await get(server, "/readyz") == (503, "starting\n")
        watchdog.started()
        watchdog.beat("scorer", 10.0)
        assert await get(server, "/readyz") == (200, "ready\n")
        now = 11.0
        assert await get(server, "/healthz") == (503, "scorer has not moved for 11 s\n")
    finally:
        await server.stop()


async def test_metrics_come_from_the_registry_given() -> None:
    registry = CollectorRegistry()
    Counter("podvigil_ticks", "Ticks.", registry=registry).inc(3)
    server = await start(LOOPBACK, 0, Watchdog(), registry)
    try:
        status, text = await get(server, "/metrics")
    finally:
        await server.stop()
    assert status == 200
    assert "podvigil_ticks_total 3.0" in text
    assert "python_info" not in text


async def test_a_taken_port_is_an_error_and_leaves_nothing() -> None:
    server = await start(LOOPBACK, 0, Watchdog(), CollectorRegistry())
    try:
        with pytest.raises(OSError, match="address already in use"):
            await start(LOOPBACK, server.port, Watchdog(), CollectorRegistry())
    finally:
        await server.stop()
