"""How many requests wait for a person's word, as the executor's metrics tell it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from kubernetes import client
from prometheus_client import CollectorRegistry

from faults.loopback import Loopback, Reply
from podvigil.cluster.client import Cluster
from podvigil.controllers.queue import QueueSettings
from podvigil.controllers.remediation.executor import Executor
from podvigil.controllers.remediation.ports import ExecutorSettings
from podvigil.controllers.requests import RequestKey, RequestLoop

WORDS: list[Any] = [
    pytest.param({}, {}, 1, id="nobody-has-said-anything"),
    pytest.param({}, {"conditions": []}, 1, id="looked-at"),
    pytest.param({"approval": {"decision": "Approved"}}, {}, 0, id="approved"),
    pytest.param({"approval": {"decision": "Denied"}}, {}, 0, id="denied"),
    pytest.param({"cancellation": {"reason": "-"}}, {}, 0, id="cancelled"),
    pytest.param({}, {"finishedAt": "2026-03-01T10:00:00Z"}, 0, id="ended"),
]


def request(name: str, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None) -> Any:
    metadata = {"name": name, "namespace": "shop", "uid": name}
    return {"metadata": metadata, "spec": spec or {}, "status": status or {}}


@asynccontextmanager
async def running(listed: list[Any]) -> AsyncIterator[RequestLoop]:
    """A loop that has listed these, and does nothing with them."""
    has_listed = asyncio.Event()

    async def work(key: RequestKey) -> None:
        has_listed.set()

    with Loopback(lambda _: Reply({"items": listed})) as server:
        cluster = Cluster(client.ApiClient(client.Configuration(host=server.url)))
        loop = RequestLoop(
            cluster, work, resync_seconds=300.0, on_error=lambda status: None, on_beat=lambda queue: None
        )
        stop = asyncio.Event()
        task = asyncio.create_task(loop.run(stop, lambda: None))
        async with asyncio.timeout(10):
            await has_listed.wait()
        yield loop
        stop.set()
        await task
        await cluster.aclose()


async def test_a_bug_delays_its_own_request_and_no_other() -> None:
    told: list[str] = []
    is_told, done = asyncio.Event(), asyncio.Event()

    async def work(key: RequestKey) -> None:
        if key.name == "bad":
            raise KeyError("metadata")
        done.set()

    def tell(word: str) -> None:
        told.append(word)
        is_told.set()

    with Loopback(lambda _: Reply({"items": [request("bad")]})) as server:
        cluster = Cluster(client.ApiClient(client.Configuration(host=server.url)))
        loop = RequestLoop(cluster, work, resync_seconds=300.0, on_error=tell, on_beat=lambda queue: None)
        stop = asyncio.Event()
        task = asyncio.create_task(loop.run(stop, lambda: None))
        async with asyncio.timeout(10):
            await is_told.wait()
            loop.notice(request("good"))
            await done.wait()
        stop.set()
        await task
        await cluster.aclose()
    assert set(told) == {"bug"}


async def settled() -> None:
    """What was noticed is counted in the loop's next round."""
    await asyncio.sleep(0)


@pytest.mark.parametrize(("spec", "status", "waiting"), WORDS)
async def test_a_list_counts_those_that_wait(
    spec: dict[str, Any], status: dict[str, Any], waiting: int
) -> None:
    async with running([request("a"), request("b", spec, status)]) as loop:
        assert loop.undecided == 1 + waiting


@pytest.mark.parametrize(("spec", "status", "waiting"), WORDS)
async def test_an_event_counts_at_once(spec: dict[str, Any], status: dict[str, Any], waiting: int) -> None:
    async with running([request("a")]) as loop:
        loop.notice(request("b"))
        loop.notice(request("b", spec, status))
        await settled()
        assert loop.undecided == 1 + waiting


async def test_a_request_that_is_deleted_waits_no_more() -> None:
    async with running([request("a"), request("b")]) as loop:
        loop.notice(request("a"), is_deleted=True)
        await settled()
        assert loop.undecided == 1


async def test_the_executor_measures_its_loop() -> None:
    """Two requests wait, and the queue has room for one: what was dropped is counted once, not at every beat."""
    registry = CollectorRegistry()
    settings = ExecutorSettings(
        own_namespace="podvigil-system", instance="a", queue=QueueSettings(capacity=1, beat_seconds=0.01)
    )
    stop = asyncio.Event()
    measured: list[float | None] = []

    def beat() -> None:
        # The beat that begins comes before its measure: this one sees the last.
        measured.append(registry.get_sample_value("podvigil_executor_queue_dropped_total"))
        if measured[-5:] == [1.0] * 5:
            stop.set()

    with Loopback(lambda _: Reply({"items": [request("a"), request("b")]})) as server:
        cluster = Cluster(client.ApiClient(client.Configuration(host=server.url)))
        async with asyncio.timeout(20):
            await Executor(cluster, settings, registry).run(stop, beat)
        await cluster.aclose()
    assert registry.get_sample_value("podvigil_requests_awaiting_approval") == 2
