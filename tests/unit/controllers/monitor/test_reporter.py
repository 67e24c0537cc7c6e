"""What becomes of reports when the API server refuses writes, or nothing is known for long."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.reasons import Reason
from podvigil.app import TICK_STALLED_SECONDS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import Unavailable
from podvigil.controllers.monitor.handlers import Analyst
from podvigil.controllers.monitor.reporter import Reporter
from podvigil.detect.incidents import Incident, Step
from podvigil.serve.health import Watchdog
from samples import monitor
from unit.controllers.monitor.outside import ports_of
from unit.detect.troubles import CART, NOW, WEB, at, incident

TTL = timedelta(minutes=10)
ON_WEB, ON_CART = incident(), incident(workload=CART)


class World:
    """An API server that keeps reports and refuses what `refuses` says, and an analyst's way to it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.kept: dict[str, dict[str, Any]] = {}
        """By path, in the order of their creation."""
        self.refuses: Callable[[Asked], bool] = lambda asked: False
        self.server = Loopback(self._answer)
        self.watchdog = Watchdog(lambda: self.seconds)
        self.cluster = Cluster(client.ApiClient(client.Configuration(host=self.server.url)))
        self.ports = ports_of(self.cluster, self.watchdog, lambda: NOW + timedelta(seconds=self.seconds))
        self.reporter = Reporter(self.ports, "shop")

    def said(self) -> list[str]:
        """Status and reason of each report's condition Active; empty where there is none."""
        return [
            " ".join(f"{c['status']} {c['reason']}" for c in self._conditions(body) if c["type"] == "Active")
            for body in self.kept.values()
        ]

    def patches(self) -> int:
        """How many writes of a status were asked for."""
        return sum(asked.method == "PATCH" for asked in self.server.asked)

    async def write(self, seconds: float, *there: Incident, closed: Iterable[Incident] = ()) -> None:
        """Report a tick."""
        step = Step({one.key: one for one in there}, closed=tuple(closed))
        await self.reporter.write(
            step, threshold=1.0, interval=timedelta(seconds=30), cap=200, now=at(seconds)
        )

    async def close_all(self, *there: Incident) -> None:
        """The monitor is deleted."""
        await self.reporter.close_all(there, Reason.MONITOR_DELETED, "it was deleted", at(120))

    @staticmethod
    def _conditions(body: dict[str, Any]) -> list[dict[str, Any]]:
        conditions: list[dict[str, Any]] = body.get("status", {}).get("conditions", [])
        return conditions

    def _answer(self, asked: Asked) -> Reply:
        if self.refuses(asked):
            return Reply(status=503)
        path = asked.path.removesuffix("/status")
        match asked.method:
            case "GET":
                return Reply(self.kept.get(path) or {"items": list(self.kept.values())})
            case "POST":
                return self._create(path, asked.json)
            case "PATCH":
                before = self.kept[path].get("status", {})
                after = {
                    name: value
                    for name, value in (before | asked.json["status"]).items()
                    if value is not None
                }
                self.kept[path]["status"] = after
                return Reply(self.kept[path])
            case _:
                return Reply(self.kept.pop(path))

    def _create(self, path: str, body: dict[str, Any]) -> Reply:
        path = f"{path}/{body['metadata']['name']}"
        if path in self.kept:
            return Reply({"reason": "AlreadyExists"}, status=409)
        body["metadata"] |= {"uid": path, "creationTimestamp": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
        self.kept[path] = {**body, "status": {}}
        return Reply(self.kept[path])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    with made.server:
        yield made
        await made.cluster.aclose()


def writes_of(part: str, *methods: str) -> Callable[[Asked], bool]:
    """Refuse these writes to objects with this in their path."""
    return lambda asked: asked.method in methods and part in asked.path


# -- a monitor is deleted


async def test_a_report_that_could_not_be_closed_is_closed_by_another_try(world: World) -> None:
    await world.write(60, ON_WEB, ON_CART)
    world.refuses = writes_of("web-", "PATCH")
    with pytest.raises(Unavailable):
        await world.close_all(ON_WEB, ON_CART)
    assert world.said() == ["True AnomalyObserved", "False MonitorDeleted"]

    world.refuses = lambda asked: False
    before = world.patches()
    await world.close_all(ON_WEB, ON_CART)
    assert world.said() == ["False MonitorDeleted"] * 2
    await world.close_all(ON_WEB, ON_CART)
    assert world.patches() - before == 1, "what is closed is not written again"


async def test_what_is_owed_is_closed_with_the_monitor(world: World) -> None:
    await world.write(60, ON_WEB)
    world.refuses = writes_of("", "PATCH")
    await world.write(90, closed=[ON_WEB])
    world.refuses = lambda asked: False
    await world.close_all()
    assert world.said() == ["False AnomalyGone"]


async def test_a_monitor_that_cannot_end_yet_restarts_nobody(world: World) -> None:
    body = monitor()
    body["metadata"] |= {"uid": "u", "generation": 1}
    await world.write(60, ON_WEB)
    world.ports.beat("shop")
    analyst = Analyst(world.ports)
    world.refuses = writes_of("", "PATCH")
    with pytest.raises(Unavailable):
        await analyst.forget(body)
    world.seconds += TICK_STALLED_SECONDS + 1
    assert world.watchdog.alive().ok
    world.refuses = lambda asked: False
    await analyst.forget(body)
    assert world.said() == ["False MonitorDeleted"]


# -- reports expire


async def test_what_nobody_can_see_does_not_expire(world: World) -> None:
    await world.write(60, ON_WEB)
    await world.write(600, ON_WEB)
    await world.reporter.expire(TTL, at(86400))
    assert world.said() == ["Unknown NotEvaluated"]
    await world.write(86400, closed=[ON_WEB])
    await world.reporter.expire(TTL, at(86400))
    assert not world.kept


async def test_a_report_without_a_status_is_closed_when_its_trouble_ends(world: World) -> None:
    world.refuses = writes_of("", "PATCH")
    await world.write(60, ON_WEB)
    assert world.said() == [""]
    assert world.reporter.report_of(ON_WEB) is None, "nothing can be proposed for it"
    world.refuses = lambda asked: False
    await world.write(90, closed=[ON_WEB])
    assert world.said() == ["False AnomalyGone"]


async def test_a_report_without_a_status_expires_once_nothing_is_open(world: World) -> None:
    world.refuses = writes_of("", "PATCH")
    await world.write(60, ON_WEB)
    world.reporter = Reporter(world.ports, "shop")  # another process
    assert not await world.reporter.load(at(90))

    await world.reporter.expire(TTL, NOW + TTL - timedelta(seconds=1))
    await world.write(3600, ON_WEB)
    await world.reporter.expire(TTL, at(3600))
    assert world.kept, "it was young, and then its trouble was there"

    await world.write(3630)
    await world.reporter.expire(TTL, at(3630))
    assert not world.kept


# -- writes that always fail

WRITES = 6
"""A tick writes as little as a test can wait for."""


def of_many(count: int) -> list[Incident]:
    """As many troubles in one namespace, all older than that of `web`."""
    workloads = [replace(WEB, namespace="stuck", name=f"web-{n}", uid=f"uid-{n}") for n in range(count)]
    return [incident(workload=one, since=at(-60)) for one in workloads]


def going_on(incidents: Iterable[Incident], seconds: float) -> list[Incident]:
    """The same, still seen."""
    return [replace(one, last_seen=at(seconds), last_evaluated=at(seconds)) for one in incidents]


async def test_reports_that_cannot_be_opened_hold_up_no_other(world: World) -> None:
    world.reporter = Reporter(world.ports, "shop", writes_per_tick=WRITES)
    world.refuses = writes_of("/stuck/", "POST")
    troubles = [*of_many(WRITES), ON_WEB]
    for seconds in (90, 120):
        await world.write(seconds, *going_on(troubles, seconds))
    assert world.said() == ["True AnomalyObserved"]


async def test_reports_that_cannot_be_closed_hold_up_no_other(world: World) -> None:
    world.reporter = Reporter(world.ports, "shop", writes_per_tick=WRITES)
    stuck = of_many(WRITES)
    await world.write(60, *stuck)
    world.refuses = writes_of("/stuck/", "PATCH")
    await world.write(90, *going_on([ON_WEB], 90), closed=stuck)
    assert world.said()[WRITES:] == ["True AnomalyObserved"], "half of a tick's writes are for what is open"

    healthy = list(world.kept)[WRITES - 1]
    world.refuses = lambda asked: asked.method == "PATCH" and healthy not in asked.path
    await world.write(120)
    assert "False AnomalyGone" in world.said(), "the closings that were not tried yet have their turn"


# -- a report of another version


async def test_a_report_that_cannot_be_read_is_left_alone(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.write(60, ON_WEB, ON_CART)
    newer = next(iter(world.kept.values()))
    newer["spec"]["signal"] = "DiskPressure"
    world.reporter = Reporter(world.ports, "shop")
    assert list(await world.reporter.load(at(90))) == [ON_CART.key]
    assert caplog.messages.count("Cannot read a report") == 1
    await world.write(90, *going_on([ON_WEB, ON_CART], 90))
    assert newer["status"]["lastSeen"] == "2026-03-01T10:01:00Z", "not ours to write"
