"""SetResources where it matters: real cgroups, real OOM kills, and what a real kubelet says to a resize."""

import asyncio
from typing import Final

from executors import ThreadedExecutor
from localcluster.node import NAME, RealNode
from podvigil.api.parameters import ResourceValues
from podvigil.api.report import TargetReference
from podvigil.api.signals import Signal
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.remediate.observe.gather import observe_target
from podvigil.remediate.propose.sizing import larger
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.values.amounts import amount
from real_pods import Json, container, deploy, pod
from shop import Shop

MEBIBYTE: Final = 1024**2


def cgroup(node: RealNode, shop: Shop) -> tuple[int, int]:
    """The container's CPU in millicores and its memory limit in bytes, as the kernel has them; zeros: it is gone."""
    identity = container(pod(shop))["containerID"]
    # Version 2 writes "quota period", version 1 the quota alone; the period is 100 ms in both.
    quota = node.cgroup_value(identity, "cpu.max", "cpu.cfs_quota_us")
    memory = node.cgroup_value(identity, "memory.max", "memory.limit_in_bytes")
    return (int(quota.split()[0]) // 100, int(memory)) if quota and memory else (0, 0)


def ask(shop: Shop, workload: Json, signal: str, values: Json) -> tuple[str, str]:
    report = shop.report(workload, signal)
    resources = {"container": "app", "method": "InPlace", **values}
    request = shop.request(
        workload, report, "SetResources", parameters={"resources": resources}, validationWindow="5s"
    )
    return report["metadata"]["name"], request


def approve(shop: Shop, request: str) -> None:
    shop.wait(request, "Preflighted", "True PreflightPassed")
    shop.decide(request)


def proposed(shop: Shop, workload: Json, signal: Signal) -> ResourceValues:
    """What the analyst proposes for the workload as it is now."""

    async def look() -> ResourceValues | Refusal:
        cluster = Cluster(connect(shop.cluster.kubeconfig()))
        about = {key: workload["metadata"][key] for key in ("name", "uid")}
        ref = TargetReference(api_version="apps/v1", kind="Deployment", **about)
        try:
            target = await observe_target(cluster, ref, shop.namespace)
        finally:
            await cluster.aclose()
        assert target is not None
        return larger(signal, target, can_resize=True)

    found = asyncio.run(look())
    assert not isinstance(found, Refusal), found.message
    return found


def test_a_resize_reaches_the_cgroup_and_comes_back(
    shop: Shop, node: RealNode, executor: ThreadedExecutor
) -> None:
    workload = deploy(shop, "20", "20")
    before = pod(shop)
    assert cgroup(node, shop) == (200, 64 * MEBIBYTE)
    report, request = ask(shop, workload, "CPUThrottling", {"limits": {"cpu": "400m", "memory": "96Mi"}})
    approve(shop, request)
    shop.wait(request, "Executed", "True")
    assert cgroup(node, shop) == (400, 96 * MEBIBYTE)
    after = pod(shop)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert container(pod(shop))["restartCount"] == 0
    shop.judge(report, active=True, seconds=3, pods=1)
    ended = shop.wait_end(request)
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Ineffective"
    shop.until(lambda: cgroup(node, shop) == (200, 64 * MEBIBYTE), "the kernel has the old values again")


def test_a_container_that_is_killed_for_its_memory_lives_with_what_is_proposed(
    shop: Shop, node: RealNode, executor: ThreadedExecutor
) -> None:
    workload = deploy(shop, "68", "34")
    shop.until(
        lambda: (
            (container(pod(shop)).get("lastState") or {}).get("terminated", {}).get("reason") == "OOMKilled"
        ),
        "the kernel kills it",
    )
    values = proposed(shop, workload, Signal.OOM_KILLED)
    assert (values.container, values.limits) == ("app", {"memory": "80Mi"})  # 64 Mi x 1.25
    report, request = ask(shop, workload, "OOMKilled", {"limits": dict(values.limits or {})})
    approve(shop, request)
    shop.wait(request, "Executed", "True")
    shop.until(lambda: cgroup(node, shop) == (200, 80 * MEBIBYTE), "it runs with more")
    shop.judge(report, active=False, seconds=3, pods=1)
    # Ready at the end, and at most two more kills.
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"


def test_what_the_node_can_never_give_is_refused_before_anybody_decides(
    shop: Shop, node: RealNode, executor: ThreadedExecutor
) -> None:
    workload = deploy(shop, "20", "20")
    request = ask(shop, workload, "CPUThrottling", {"requests": {"cpu": "900"}, "limits": {"cpu": "900"}})[1]
    shop.wait(request, "Preflighted", "False DryRunRefused")
    (refusal,) = shop.status(request)["preflight"]["refusals"]
    assert "node didn't have enough allocatable resources: cpu" in refusal["message"]


def test_a_pod_whose_node_has_no_room_now_waits_until_a_person_stops_it(
    shop: Shop, node: RealNode, executor: ThreadedExecutor
) -> None:
    millicores = int(amount(shop.get("node", NAME)["status"]["allocatable"]["cpu"]) * 1000)
    neighbour = {"requests": {"cpu": f"{millicores - 500}m"}}
    deploy(shop, "1", "1", name="neighbour", resources=neighbour)
    workload = deploy(shop, "20", "20")
    values = {"requests": {"cpu": "700m"}, "limits": {"cpu": "700m"}}  # of the 500m that are left
    request = ask(shop, workload, "CPUThrottling", values)[1]
    approve(shop, request)
    shop.until(
        lambda: (
            "Deferred"
            in (shop.status(request).get("execution") or {}).get("progress", {}).get("waitingFor", "")
        ),
        "the kubelet puts it off",
    )
    shop.patch("remreq", request, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
    ended = shop.wait_end(request)
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Cancelled"
    assert pod(shop)["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "100m"
    assert cgroup(node, shop) == (200, 64 * MEBIBYTE)
