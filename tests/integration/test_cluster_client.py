"""The facade against a real API server: its refusals, its pages, its dry runs, its outages."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from faults.proxy import AlterJson, Drop, FaultProxy, Reset, Rule, Status, Truncate
from localcluster.controlplane import ControlPlane
from podvigil.api.resources import CONFIGMAPS, DEPLOYMENTS, NAMESPACES, PODS, REPLICASETS, ObjectRef
from podvigil.cluster import errors
from podvigil.cluster.client import PAGE_SIZE, Cluster, PatchKind
from podvigil.cluster.connect import connect, login
from podvigil.cluster.events import EventRecorder, EventType
from podvigil.cluster.transport import TimeOuts


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    one = Cluster(connect(control_plane.kubeconfig()))
    yield one
    await one.aclose()


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def test_an_object_lives_and_dies(cluster: Cluster, namespace: str) -> None:
    made = await cluster.create(CONFIGMAPS, config_map("a", x="1"), namespace)
    assert made["metadata"]["managedFields"][0]["manager"] == "podvigil"
    with pytest.raises(errors.AlreadyExists):
        await cluster.create(CONFIGMAPS, config_map("a"), namespace)

    merged = await cluster.patch(CONFIGMAPS, "a", {"data": {"y": "2"}}, namespace)
    assert merged["data"] == {"x": "1", "y": "2"}
    operations = [{"op": "test", "path": "/data/x", "value": "no"}]
    with pytest.raises(errors.Invalid):
        await cluster.patch(CONFIGMAPS, "a", operations, namespace, kind=PatchKind.JSON)
    with pytest.raises(errors.Conflict):
        await cluster.replace(CONFIGMAPS, "a", made, namespace)  # its resourceVersion is old
    await cluster.replace(CONFIGMAPS, "a", {**merged, "data": {"z": "3"}}, namespace)
    assert (await cluster.get(CONFIGMAPS, "a", namespace))["data"] == {"z": "3"}

    with pytest.raises(errors.Conflict):
        await cluster.delete(CONFIGMAPS, "a", namespace, uid="another")
    await cluster.delete(CONFIGMAPS, "a", namespace, uid=made["metadata"]["uid"])
    assert await cluster.find(CONFIGMAPS, "a", namespace) is None
    with pytest.raises(errors.NotFound):
        await cluster.delete(CONFIGMAPS, "a", namespace)


async def test_apply_respects_other_managers(
    cluster: Cluster, namespace: str, control_plane: ControlPlane
) -> None:
    await cluster.create(CONFIGMAPS, config_map("a", x="1"), namespace)
    other = Cluster(connect(control_plane.kubeconfig()), field_manager="other")
    with pytest.raises(errors.Conflict):
        await other.patch(CONFIGMAPS, "a", config_map("a", x="2"), namespace, kind=PatchKind.APPLY)
    forced = await other.patch(
        CONFIGMAPS, "a", config_map("a", x="2"), namespace, kind=PatchKind.APPLY, force=True
    )
    assert forced["data"] == {"x": "2"}
    await other.aclose()


async def test_a_dry_run_leaves_nothing(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
) -> None:
    dry = Cluster(connect(control_plane.kubeconfig()), dry_run=True)
    await dry.create(CONFIGMAPS, config_map("a"), namespace)
    assert await cluster.find(CONFIGMAPS, "a", namespace) is None
    await cluster.create(CONFIGMAPS, config_map("a", x="1"), namespace)
    await dry.patch(CONFIGMAPS, "a", {"data": {"x": "2"}}, namespace)
    await dry.delete(CONFIGMAPS, "a", namespace)
    assert (await cluster.get(CONFIGMAPS, "a", namespace))["data"] == {"x": "1"}
    assert await dry.whoami() == "admin"
    await dry.aclose()


async def test_a_subresource_is_read_and_written(cluster: Cluster, namespace: str) -> None:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "none"}]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod},
    }
    await cluster.create(DEPLOYMENTS, deployment, namespace)
    scaled = await cluster.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}}, namespace, "scale")
    assert scaled["kind"] == "Scale"
    assert (await cluster.get(DEPLOYMENTS, "web", namespace, "scale"))["spec"]["replicas"] == 3
    with pytest.raises(errors.Invalid, match="replicas"):
        await cluster.patch(DEPLOYMENTS, "web", {"spec": {"replicas": -1}}, namespace, "scale")
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "gone", "namespace": namespace},
    }
    with pytest.raises(errors.NotFound):
        await cluster.create(PODS, eviction, namespace, subresource="eviction", name="gone")


async def test_lists_are_paged(cluster: Cluster, namespace: str) -> None:
    names = [f"cm-{number:03}" for number in range(PAGE_SIZE + 5)]
    await asyncio.gather(*(cluster.create(CONFIGMAPS, config_map(name), namespace) for name in names))
    pages = [page async for page in cluster.pages(CONFIGMAPS, namespace, as_metadata=True)]
    assert len(pages) == 2
    assert msgspec.json.decode(pages[0])["kind"] == "PartialObjectMetadataList"
    found = await cluster.list(CONFIGMAPS, namespace, field_selector="metadata.name!=kube-root-ca.crt")
    assert sorted(one["metadata"]["name"] for one in found) == names
    assert {one["kind"] for one in found} == {"ConfigMap"}


async def test_an_invalid_selector_is_a_bad_request(cluster: Cluster) -> None:
    with pytest.raises(errors.BadRequest, match="unable to parse requirement"):
        await cluster.list(PODS, label_selector="a in (")


async def test_who_we_are_and_what_we_may(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
) -> None:
    control_plane.kubectl("create", "serviceaccount", "analyst", "-n", namespace)
    control_plane.kubectl("create", "role", "r", "--verb=get", "--resource=configmaps", "-n", namespace)
    who = f"system:serviceaccount:{namespace}:analyst"
    control_plane.kubectl(
        "create", "rolebinding", "r", "--role=r", f"--serviceaccount={namespace}:analyst", "-n", namespace
    )
    analyst = Cluster(connect(control_plane.kubeconfig(who)))
    assert await analyst.whoami() == who
    assert await analyst.can_i("get", CONFIGMAPS, namespace=namespace)
    assert not await analyst.can_i("get", CONFIGMAPS)
    assert not await analyst.can_i("patch", DEPLOYMENTS, namespace=namespace, subresource="scale")
    assert not await analyst.can_i(
        "approve", group="podvigil.io", plural="remediationactions", name="Restart"
    )
    assert await cluster.can_i("approve", group="podvigil.io", plural="remediationactions", name="Restart")
    with pytest.raises(errors.Forbidden, match="replicasets"):
        await analyst.list(REPLICASETS, namespace)
    await analyst.aclose()


async def test_version_and_kopf_login(control_plane: ControlPlane, cluster: Cluster) -> None:
    major, minor = control_plane.version.removeprefix("v").split(".")[:2]
    assert await cluster.version() == (int(major), int(minor))
    info = login(control_plane.kubeconfig("alice"))
    assert (info.server, info.scheme, info.token) == (
        control_plane.url,
        "Bearer",
        control_plane.token("alice"),
    )


async def test_a_token_nobody_knows_is_unauthorized(control_plane: ControlPlane, tmp_path: Path) -> None:
    with FaultProxy(control_plane.url, control_plane.ca_file) as proxy:
        stranger = Cluster(connect(proxy.kubeconfig(tmp_path / "k", "nobody")))
        with pytest.raises(errors.Unauthorized):
            await stranger.get(NAMESPACES, "default")
        await stranger.aclose()


async def test_events_are_seen_with_kubectl(
    control_plane: ControlPlane, cluster: Cluster, namespace: str
) -> None:
    about = ObjectRef.of(await cluster.create(CONFIGMAPS, config_map("a"), namespace))
    events = EventRecorder(cluster, instance="podvigil-0")
    assert await events.publish(about, EventType.WARNING, "BudgetBlocks", "no disruption left in web")
    assert not await events.publish(about, EventType.WARNING, "BudgetBlocks", "no disruption left in web")
    [event] = json.loads(control_plane.kubectl("get", "events", "-n", namespace, "-o", "json").stdout)[
        "items"
    ]
    assert (event["type"], event["reason"]) == ("Warning", "BudgetBlocks")
    assert event["message"] == "no disruption left in web"
    assert event["involvedObject"]["uid"] == about.uid


async def test_faults_on_the_way_are_named(control_plane: ControlPlane, tmp_path: Path) -> None:
    with FaultProxy(control_plane.url, control_plane.ca_file) as proxy:
        kubeconfig = proxy.kubeconfig(tmp_path / "k", control_plane.token("admin"))
        cluster = Cluster(connect(kubeconfig), time_outs=TimeOuts(read=0.3))
        for fault, kind in (
            (Status(429, retry_after=3), errors.Throttled),
            (Status(503), errors.Unavailable),
            (Reset(), errors.Unavailable),
            (Drop(), errors.Unavailable),
            (Truncate(20), errors.Unavailable),
            (AlterJson(lambda body: [body]), errors.ClusterError),
        ):
            proxy.add(Rule(fault, path="/namespaces/default", times=1))
            with pytest.raises(kind):
                await cluster.get(NAMESPACES, "default")
        assert (await cluster.get(NAMESPACES, "default"))["metadata"]["name"] == "default"
        assert [call.status for call in proxy.calls] == [429, 503, 0, 0, 200, 200, 200]  # and no retry
        await cluster.aclose()


async def test_an_outage_ends(control_plane: ControlPlane, cluster: Cluster) -> None:
    await cluster.get(NAMESPACES, "default")
    control_plane.stop_apiserver()
    try:
        with pytest.raises(errors.Unavailable) as caught:
            await cluster.get(NAMESPACES, "default")
        assert caught.value.status == 0
    finally:
        control_plane.start_apiserver()
    await cluster.get(NAMESPACES, "default")
