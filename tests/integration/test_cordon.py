"""Cordon and Uncordon on a real API server, and what holds back every action on a node."""

from collections.abc import Iterator
from typing import Any

import pytest

from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from pool import POOL, Pool
from shop import ROOT, Shop

CORDONED_BY = "podvigil.io/cordoned-by"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


@pytest.fixture
def pool(kwok_cluster: KwokCluster, installed: ControlPlane, namespace: str) -> Iterator[Pool]:
    made = Pool(kwok_cluster, Shop(installed, namespace), nodes=3)
    yield made
    made.remove()


def annotations(pool: Pool, number: int = 0) -> dict[str, str]:
    found: dict[str, str] = pool.node(number)["metadata"]["annotations"]
    return found


def refusals(pool: Pool, request: str) -> list[str]:
    """Reasons of every objection of the preflight."""
    pool.home.wait(request, "Preflighted", "False")
    return [refusal["reason"] for refusal in pool.home.status(request)["preflight"]["refusals"]]


def test_cordoned_rolled_back_and_uncordoned(pool: Pool, executor: ThreadedExecutor) -> None:
    report, request = pool.trouble("Cordon")
    pool.home.wait(request, "Preflighted", "True")
    assert pool.home.status(request)["preflight"]["changes"][-1] == "spec.unschedulable: (none) → True"
    pool.home.decide(request)
    pool.home.wait(request, "Executed", "True")
    uid = pool.home.get("remreq", request)["metadata"]["uid"]
    assert pool.is_cordoned()
    assert annotations(pool)[CORDONED_BY] == uid
    pool.home.judge(report, active=True, seconds=1)
    assert pool.home.wait_end(request)["Succeeded"] == "False Inconclusive"
    assert pool.is_cordoned(), "trouble that stays on the node is no reason to open it"

    pool.home.patch("remreq", request, {"spec": {"rollback": {"requestedBy": "alice"}}}, user="alice")
    pool.home.wait(request, "Succeeded", "False RolledBack")
    assert not pool.is_cordoned()
    assert CORDONED_BY not in annotations(pool)


def test_uncordoned_whoever_had_cordoned_it(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.shop.cluster.kubectl("cordon", pool.nodes[0])
    report, request = pool.trouble("Uncordon")
    pool.home.decide(request)
    pool.home.wait(request, "Executed", "True")
    assert not pool.is_cordoned()
    pool.home.judge(report, active=True, seconds=1)
    ended = pool.home.wait_end(request)
    assert ended["Succeeded"] == "False Ineffective"
    assert ended["RolledBack"] == "True RolledBack"
    assert pool.is_cordoned()
    assert CORDONED_BY not in annotations(pool)


def test_uncordoned_when_the_trouble_is_over(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.shop.cluster.kubectl("cordon", pool.nodes[0])
    report, request = pool.trouble("Uncordon")
    pool.home.judge(report, active=False)
    pool.home.wait(request, "Preflighted", "True")
    pool.home.decide(request)
    pool.home.wait(request, "Executed", "True")
    assert not pool.is_cordoned()
    pool.home.judge(report, active=False, seconds=1)
    assert pool.home.wait_end(request)["Succeeded"] == "True Succeeded"


def test_the_next_node_waits_until_the_first_is_uncordoned(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, first = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(first), "the first waits for its budget")
    _, second = pool.drain(1)
    pool.home.wait(second, "Executed", "False AnotherNode")
    assert not pool.is_cordoned(1)
    pool.shop.patch("pdb", "web", {"spec": {"maxUnavailable": 2}})
    pool.home.wait(first, "Executed", "True")
    pool.home.wait(second, "Executed", "False AnotherNode")
    _, uncordon = pool.trouble("Uncordon")
    pool.home.decide(uncordon)
    pool.home.wait(uncordon, "Executed", "False AlreadyRemediated")  # the first is still being validated
    pool.cancel(second)
    assert pool.home.wait_end(second)["Succeeded"] == "False Cancelled"


def test_every_objection_of_a_drain_at_once(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("cache", 1, volumes=[{"name": "data", "emptyDir": {}}])
    pool.deploy("huge", 1)
    pool.pod("bare")
    pool.deploy("torn", 1)
    for name in ("one", "two"):
        pool.budget("torn", name, minAvailable=0)
    pool.shop.cluster.kubectl("label", "node", pool.nodes[0], f"{CONTROL_PLANE}=")
    pool.shop.cluster.kubectl("label", "node", *pool.nodes[1:], f"{POOL}-")
    _, request = pool.drain(approve=False)
    assert refusals(pool, request) == [
        "BarePods",
        "LocalData",
        "EvictionImpossible",
        "ControlPlaneNode",
        "NoRoom",
    ]
    pool.home.decide(request)
    assert pool.home.wait_end(request)["Executed"] == "False BarePods"
    assert not pool.is_cordoned()
    assert pool.evictions() == {}


def test_too_few_nodes_are_left(pool: Pool, executor: ThreadedExecutor) -> None:
    others = [name for name in _nodes(pool) if name not in pool.nodes[:2]]
    pool.shop.cluster.kubectl("cordon", *others)
    try:
        _, request = pool.trouble("Cordon")
        assert refusals(pool, request) == ["TooFewNodes"]
    finally:
        pool.shop.cluster.kubectl("uncordon", *others)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"resources": {"requests": {"cpu": "33"}}}, id="larger-than-any-node-has-left"),
        pytest.param({"resources": {"limits": {"example.com/gpu": "1"}}}, id="a-device-that-no-other-has"),
    ],
)
def test_pods_that_no_other_node_has_room_for(
    pool: Pool, executor: ThreadedExecutor, spec: dict[str, Any]
) -> None:
    """The first node is larger than the others, and has a device."""
    room = {"cpu": "64", "memory": "256Gi", "pods": "1000", "example.com/gpu": "1"}
    status = {"status": {"allocatable": room, "capacity": room}}
    pool.shop.patch("node", pool.nodes[0], status, "--subresource=status")
    pool.deploy("huge", 1, containers=[{"name": "app", "image": "shop", **spec}])
    _, request = pool.drain(approve=False)
    assert refusals(pool, request) == ["NoRoom"]
    message = pool.home.status(request)["preflight"]["refusals"][0]["message"]
    assert "1 of 1 pods would find no room" in message
    assert "huge-" in message


def test_a_volume_that_is_only_here_keeps_its_pod(pool: Pool, executor: ThreadedExecutor) -> None:
    """A local PersistentVolume: its pod would wait for this node for ever."""
    name, namespace = f"volume-{pool.name}", pool.shop.namespace
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [pool.nodes[0]]}
    size = {"storage": "1Gi"}
    volume = {
        "capacity": size,
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "local": {"path": "/data"},
        "claimRef": {"namespace": namespace, "name": "data"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
        "volumeName": name,
        "resources": {"requests": size},
    }
    for kind, metadata, spec in (
        ("PersistentVolume", {"name": name}, volume),
        ("PersistentVolumeClaim", {"name": "data", "namespace": namespace}, claim),
    ):
        pool.shop.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec})
    pool.deploy("db", 1, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    _, request = pool.drain(approve=False)
    assert refusals(pool, request) == ["NoRoom"]
    assert "no other node suits it" in pool.home.status(request)["preflight"]["refusals"][0]["message"]
    pool.shop.cluster.kubectl("delete", "persistentvolume", name, "--wait=false")


def test_a_team_cannot_ask_for_nodes_in_its_own_namespace(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.shop.set_rules(allowedActions=["Cordon"])
    node = pool.node()
    request = pool.shop.request(node, pool.shop.report(node), "Cordon")
    pool.shop.decide(request)
    assert pool.shop.wait_end(request)["Executed"] == "False WrongNamespace"
    assert not pool.is_cordoned()


def test_a_missing_role_is_named(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.shop.cluster.kubectl("delete", "-f", str(ROOT / "deploy/nodes/cordon.yaml"))
    try:
        _, request = pool.trouble("Cordon")
        assert refusals(pool, request) == ["PermissionMissing"]
    finally:
        pool.shop.cluster.kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))


def _nodes(pool: Pool) -> list[str]:
    listed = pool.shop.cluster.read("/api/v1/nodes")
    return [node["metadata"]["name"] for node in listed["items"]]
