"""When the watchdog calls the analyst dead: a tick that hangs, never a long interval."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.app import TICK_STALLED_SECONDS
from podvigil.cluster.client import Cluster
from podvigil.cluster.transport import TimeOuts
from podvigil.controllers.monitor.handlers import Analyst
from podvigil.serve.health import Watchdog
from samples import monitor
from unit.controllers.monitor.outside import ports_of
from unit.detect.troubles import NOW


class World:
    """An analyst with an API server that has nothing, and a clock that the test turns."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.answering = threading.Event()
        self.answering.set()
        self.server = Loopback(self._answer)
        self.watchdog = Watchdog(lambda: self.seconds)
        self.cluster = Cluster(
            client.ApiClient(client.Configuration(host=self.server.url)), time_outs=TimeOuts(read=30.0)
        )
        self.analyst = Analyst(
            ports_of(self.cluster, self.watchdog, lambda: NOW + timedelta(seconds=self.seconds))
        )

    def _answer(self, asked: Asked) -> Reply:
        self.answering.wait(30.0)
        return Reply({"items": []})

    async def pass_(self, seconds: int, body: dict[str, Any]) -> None:
        """Let time go by; the timer beats every second, and here every ten."""
        for _ in range(0, seconds, 10):
            self.seconds += 10
            await self.analyst.beat(body)
            assert self.watchdog.alive().ok, self.watchdog.alive().message


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.server:
        yield made


def body(interval: str, generation: int = 1) -> dict[str, Any]:
    made = monitor()
    made["metadata"] |= {"uid": "u", "generation": generation}
    made["spec"]["interval"] = interval
    return made


@pytest.mark.parametrize("interval", ["10m", "1h"])
async def test_between_two_ticks_nothing_is_late(world: World, interval: str) -> None:
    await world.pass_(4000, body(interval))
    await world.cluster.aclose()


async def test_a_monitor_that_became_unreadable_restarts_nobody(world: World) -> None:
    await world.pass_(10, body("30s"))
    await world.pass_(400, body("soon", generation=2))
    await world.cluster.aclose()


async def test_a_tick_that_hangs_is_found_however_long_the_interval(world: World) -> None:
    await world.pass_(10, body("1h"))
    await world.pass_(3590, body("1h"))
    world.answering.clear()
    world.seconds += 10
    hanging = asyncio.ensure_future(world.analyst.beat(body("1h")))
    await asyncio.sleep(0)  # it begins, and waits for the server
    world.seconds += TICK_STALLED_SECONDS + 1
    assert not hanging.done()
    assert "shop has not moved for 311 s" in world.watchdog.alive().message
    world.answering.set()
    await hanging
    assert world.watchdog.alive().ok
    await world.cluster.aclose()
