"""Events are said once, and never stop the work."""

import pytest
from kubernetes import client

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.resources import ObjectRef
from podvigil.cluster.client import Cluster
from podvigil.cluster.events import REMEMBERED, REPEAT_SECONDS, EventRecorder, EventType

WEB = ObjectRef("apps/v1", "Deployment", "web", "shop", "u1")


class Clock:
    now = 1_000_000.5

    def __call__(self) -> float:
        return self.now


def recorder(url: str, clock: Clock) -> EventRecorder:
    cluster = Cluster(client.ApiClient(client.Configuration(host=url)))
    return EventRecorder(cluster, instance="podvigil-0", clock=clock)


def ok(asked: Asked) -> Reply:
    return Reply({"kind": "Event"}, 201)


async def test_the_event_is_complete() -> None:
    with Loopback(ok) as server:
        await recorder(server.url, Clock()).publish(WEB, EventType.WARNING, "BudgetBlocks", "é" * 2000)
        [asked] = server.asked
    assert asked.path == "/apis/events.k8s.io/v1/namespaces/shop/events"
    event = asked.json
    assert event["eventTime"] == "1970-01-12T13:46:40.500000Z"
    assert event["regarding"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "namespace": "shop",
        "uid": "u1",
    }
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "BudgetBlocks", "BudgetBlocks")
    assert len(event["note"].encode()) <= 1024
    assert event["reportingInstance"] == "podvigil-0"


async def test_an_event_of_a_cluster_scoped_object_lives_in_default() -> None:
    with Loopback(ok) as server:
        monitor = ObjectRef("podvigil.io/v1alpha1", "AnomalyMonitor", "all")
        await recorder(server.url, Clock()).publish(monitor, EventType.NORMAL, "Running", "fine")
        [asked] = server.asked
    assert "/namespaces/default/" in asked.path
    assert "namespace" not in asked.json["regarding"]


async def test_the_same_is_said_once_in_ten_minutes() -> None:
    clock = Clock()
    with Loopback(ok) as server:
        events = recorder(server.url, clock)
        assert await events.publish(WEB, EventType.NORMAL, "Running", "3 pods", dedupe="count")
        assert not await events.publish(WEB, EventType.NORMAL, "Running", "4 pods", dedupe="count")
        assert await events.publish(WEB, EventType.NORMAL, "Starting", "4 pods", dedupe="count")
        clock.now += REPEAT_SECONDS
        assert await events.publish(WEB, EventType.NORMAL, "Running", "5 pods", dedupe="count")
        assert len(server.asked) == 3


async def test_a_refused_event_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with Loopback(lambda _: Reply({"reason": "Forbidden"}, 403)) as server:
        events = recorder(server.url, Clock())
        assert not await events.publish(WEB, EventType.NORMAL, "Running", "x")
        assert not await events.publish(WEB, EventType.NORMAL, "Running", "x")
        assert len(server.asked) == 2
    ours = [record.message for record in caplog.records if record.name.startswith("podvigil")]
    assert ours == ["Cannot write an event"] * 2


async def test_memory_is_bounded() -> None:
    with Loopback(ok) as server:
        events = recorder(server.url, Clock())
        for number in range(REMEMBERED + 10):
            events._is_new(("key", number), 0.0)
        assert len(events._said) == REMEMBERED
