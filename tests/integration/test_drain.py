"""Drain on a real API server: evictions, budgets and answers are real, only the kubelets are simulated."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from executors import ExecutorProcess, ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from pool import ALLOWED, POOL, Pool
from shop import EXECUTOR, Shop

CORDONED_BY = "podvigil.io/cordoned-by"
DRAINED_BY = "podvigil.io/drained-by"


@pytest.fixture
def pool(kwok_cluster: KwokCluster, installed: ControlPlane, namespace: str) -> Iterator[Pool]:
    made = Pool(kwok_cluster, Shop(installed, namespace))
    yield made
    made.remove()


def test_at_the_pace_of_the_budget(pool: Pool, executor: ThreadedExecutor) -> None:
    """A budget without room holds it up, one with room for one pod lets them go one by one."""
    pool.deploy("web", 3)
    pool.deploy("free", 2)
    pool.shop.deploy("agent", kind="DaemonSet", template=pool.template("agent"))
    pool.pod("static", metadata={"annotations": {"kubernetes.io/config.mirror": "m"}})
    pool.budget("web", minAvailable=3)
    before = pool.pods()
    assert len([name for name in before if name.startswith(("web-", "free-"))]) == 5
    report, request = pool.drain(approve=False)
    pool.home.wait(request, "Preflighted", "True")
    preflight = pool.home.status(request)["preflight"]
    assert preflight["podsDisturbed"] == 5
    assert preflight["disruption"].startswith("5 pods are evicted")
    assert "1 of a DaemonSet" in preflight["disruption"]
    assert preflight["budgets"] == [
        {"name": "web", "namespace": pool.shop.namespace, "disruptionsAllowed": 0}
    ]
    assert "spec.unschedulable: (none) → True" in preflight["changes"]
    assert any("waits for its budget" in note for note in preflight["notes"])
    assert not pool.is_cordoned()

    pool.home.decide(request)
    pool.home.until(lambda: pool.progress(request).get("done") == 2, "those without a budget are gone")
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    assert "The disruption budget web needs 3 healthy pods" in pool.progress(request)["waitingFor"]
    assert pool.progress(request)["total"] == 5
    assert len(pool.progress(request)["remaining"]) == 3
    assert pool.home.conditions(request)["Executed"] == "Unknown Executing"
    assert pool.is_cordoned()

    pool.shop.patch("pdb", "web", {"spec": {"minAvailable": 2}})
    pool.home.wait(request, "Executed", "True")
    left = pool.pods()
    assert left == {name for name in before if name.startswith(("agent-", "static"))}
    evicted = pool.evictions()
    assert set(evicted) == before - left
    assert set(evicted.values()) == {1}
    pool.home.judge(report, active=False, seconds=1)
    assert pool.home.wait_end(request)["Succeeded"] == "True Succeeded"
    node = pool.node()
    uid = pool.home.get("remreq", request)["metadata"]["uid"]
    assert node["spec"]["unschedulable"]
    assert node["metadata"]["annotations"][CORDONED_BY] == uid
    assert pool.progress(request)["done"] == 5


def test_a_person_asks_for_it_without_a_report(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 2)
    request = pool.asked("Drain")
    pool.home.wait(request, "Preflighted", "True")
    assert "not counted" in pool.home.status(request)["preflight"]["pastSuccess"]
    pool.home.decide(request)
    pool.home.wait(request, "Executed", "True")
    ended = pool.home.wait_end(request)
    assert ended["Succeeded"] == "True Succeeded"
    assert pool.is_cordoned()
    uncordon = pool.asked("Uncordon")
    pool.home.decide(uncordon)
    pool.home.wait(uncordon, "Executed", "True")
    assert pool.home.wait_end(uncordon)["Succeeded"] == "True Succeeded"
    assert not pool.is_cordoned()


def test_a_cancelled_drain_stops_and_uncordons(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 3)
    pool.budget("web", minAvailable=3)
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.cancel(request)
    ended = pool.home.wait_end(request)
    assert ended["Executed"] == "False Cancelled"
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Cancelled"
    assert not pool.is_cordoned()
    assert {CORDONED_BY, DRAINED_BY}.isdisjoint(pool.node()["metadata"]["annotations"])
    assert pool.evictions() == {}


def test_a_drain_that_takes_too_long_uncordons(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, request = pool.drain(parameters={"drain": {"timeout": "30s"}})
    ended = pool.home.wait_end(request)
    assert ended["Executed"] == "False TimedOut"
    assert ended["Succeeded"] == "False Failed"
    assert not pool.is_cordoned()


def test_a_cordon_by_a_person_stays(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    pool.shop.cluster.kubectl("cordon", pool.nodes[0])
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    assert CORDONED_BY not in pool.node()["metadata"]["annotations"]
    pool.cancel(request)
    ended = pool.home.wait_end(request)
    assert ended["RolledBack"] == "False NothingToUndo"
    assert ended["Succeeded"] == "False Cancelled"
    assert pool.is_cordoned()


def test_a_cordon_that_has_become_a_persons_stays(pool: Pool, executor: ThreadedExecutor) -> None:
    """`kubectl uncordon` and `kubectl cordon` leave our annotation where it is."""
    pool.deploy("web", 1)
    report, request = pool.drain()
    pool.home.wait(request, "Executed", "True")
    pool.shop.cluster.kubectl("uncordon", pool.nodes[0])
    pool.shop.cluster.kubectl("cordon", pool.nodes[0])
    pool.home.judge(report, active=True, seconds=1)
    ended = pool.home.wait_end(request)
    assert ended["Validated"] == "False Ineffective"
    assert ended["RolledBack"] == "False StaleTarget"
    assert pool.is_cordoned()


def test_it_is_harmful_when_what_moved_loses_its_place(pool: Pool, executor: ThreadedExecutor) -> None:
    """The other nodes are closed to it after the drain, and the pod is made anew: only the drained node is left."""
    pool.deploy("web", 1)
    _, request = pool.drain()
    pool.home.wait(request, "Executed", "True")
    pool.shop.cluster.kubectl("label", "node", *pool.nodes[1:], f"{POOL}-")
    pool.shop.kubectl("delete", "pod", "-l", "app=web", "--wait=false")
    ended = pool.home.wait_end(request)
    assert ended["Validated"] == "False Harmful"
    assert ended["RolledBack"] == "True RolledBack"
    assert not pool.is_cordoned()
    pool.shop.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert len(pool.pods()) == 1


def test_somebody_uncordons_the_node_meanwhile(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.shop.cluster.kubectl("uncordon", pool.nodes[0])
    assert pool.home.wait_end(request)["Executed"] == "False StaleTarget"
    assert not pool.is_cordoned()


def test_somebody_uncordons_the_node_when_half_is_done(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("free", 1)
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, request = pool.drain()
    pool.home.until(lambda: pool.progress(request).get("done") == 1, "the one without a budget is gone")
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.shop.cluster.kubectl("uncordon", pool.nodes[0])
    ended = pool.home.wait_end(request)
    assert ended["Succeeded"] == "False Failed"
    assert ended["RolledBack"] == "True RolledBack"
    said = pool.home.status(request)["execution"]["stoppedMessage"]
    assert "after 1 of 3" in said, "a person reads that pods have moved"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        pytest.param({"mode": "Off"}, "RemediationOff", id="off"),
        pytest.param({"mode": "SuggestAndDryRun"}, "DryRunOnly", id="dry-runs-only"),
        pytest.param({"allowedActions": ["Restart"]}, "ActionNotAllowed", id="not-allowed-any-more"),
    ],
)
def test_rules_that_are_tightened_on_the_way_stop_it(
    pool: Pool, executor: ThreadedExecutor, rules: dict[str, Any], reason: str
) -> None:
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.home.set_rules(**{"allowedActions": ALLOWED, **rules})
    ended = pool.home.wait_end(request)
    assert ended["Executed"] == f"False {reason}"
    assert ended["RolledBack"] == "True RolledBack"
    assert not pool.is_cordoned()


def test_two_budgets_stop_it(pool: Pool, executor: ThreadedExecutor) -> None:
    """The second budget comes while the drain waits for the first: the API server answers 500."""
    pool.deploy("web", 2)
    pool.budget("web", maxUnavailable=0)
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.budget("web", "second", maxUnavailable=1)
    ended = pool.home.wait_end(request)
    assert ended["Executed"] == "False EvictionImpossible"
    assert ended["Succeeded"] == "False Failed"
    assert not pool.is_cordoned()
    assert pool.evictions() == {}


def test_it_does_not_begin_when_the_room_is_gone(pool: Pool, executor: ThreadedExecutor) -> None:
    pool.deploy("web", 1)
    _, request = pool.drain(approve=False)
    pool.home.wait(request, "Preflighted", "True")
    pool.shop.cluster.kubectl("label", "node", *pool.nodes[1:], f"{POOL}-")
    pool.home.decide(request)
    pool.home.wait(request, "Executed", "False NoRoom")
    assert not pool.is_cordoned()
    pool.shop.cluster.kubectl("label", "node", *pool.nodes[1:], f"{POOL}={pool.name}")
    pool.cancel(request)
    assert pool.home.wait_end(request)["Succeeded"] == "False Cancelled"


def test_nothing_more_is_evicted_while_a_pod_finds_no_node(pool: Pool, executor: ThreadedExecutor) -> None:
    """The room goes away while it waits for a budget; those that went get their place back by the uncordon."""
    pool.deploy("web", 22)
    pool.budget("web", minAvailable=22)
    _, request = pool.drain()
    pool.home.until(lambda: "waitingFor" in pool.progress(request), "it waits for the budget")
    pool.shop.cluster.kubectl("label", "node", *pool.nodes[1:], f"{POOL}-")
    pool.shop.patch("pdb", "web", {"spec": {"minAvailable": 0}})
    pool.home.until(lambda: "room for" in pool.progress(request).get("waitingFor", ""), "it waits for room")
    pool.cancel(request)
    assert pool.home.wait_end(request)["RolledBack"] == "True RolledBack"
    pool.shop.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    assert len(pool.pods()) == 22
    assert 0 < len(pool.evictions()) <= 20


def test_a_killed_executor_evicts_nobody_twice(pool: Pool, installed: ControlPlane, tmp_path: Path) -> None:
    pool.deploy("web", 6)
    pool.budget("web", maxUnavailable=1)
    report, request = pool.drain(approve=False)
    process = ExecutorProcess(installed.kubeconfig(EXECUTOR), "executor-killed", tmp_path / "log")
    with process:
        pool.home.wait(request, "Preflighted", "True")
        pool.home.decide(request)
        for done in (1, 3, 5):
            pool.home.until(partial(_has_evicted, pool, done), f"{done} pods were evicted")
            process.kill()
            process.start()
        pool.home.wait(request, "Executed", "True")
        pool.home.judge(report, active=False, seconds=1)
        assert pool.home.wait_end(request)["Succeeded"] == "True Succeeded"
    assert pool.pods() == set()
    assert set(pool.evictions().values()) == {1}
    assert len(pool.evictions()) == 6


def _has_evicted(pool: Pool, at_least: int) -> bool:
    return len(pool.evictions()) >= at_least
