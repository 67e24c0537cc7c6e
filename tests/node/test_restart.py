"""Restart where it matters: real processes end, others begin, and those that are not meant live on."""

from executors import ThreadedExecutor
from localcluster.node import RealNode
from real_pods import Json, container, deploy, pods
from shop import Shop

MEMORY = ("memory.current", "memory.usage_in_bytes")
"""A file that a container's cgroup has while it lives, in versions 2 and 1."""


def identity(one: Json) -> str:
    return str(container(one)["containerID"])


def runs(node: RealNode, identity: str) -> bool:
    """Whether the kernel still has the container."""
    return node.cgroup_value(identity, *MEMORY) is not None


def test_a_restart_replaces_every_process(shop: Shop, node: RealNode, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, "40", "40", replicas=2)
    before = [identity(pod) for pod in pods(shop)]
    assert all(runs(node, one) for one in before)
    report = shop.report(workload)
    request = shop.request(workload, report, "Restart", validationWindow="15s")
    shop.wait(request, "Preflighted", "True PreflightPassed")
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.judge(report["metadata"]["name"], active=False, seconds=5)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    shop.until(lambda: not any(runs(node, one) for one in before), "the old processes are gone")
    after = [identity(pod) for pod in pods(shop)]
    assert len(after) == 2
    assert not set(before) & set(after)


def test_only_the_stuck_replica_is_replaced(shop: Shop, node: RealNode, executor: ThreadedExecutor) -> None:
    workload = deploy(shop, "20", "20", replicas=2)
    stuck, other = pods(shop)
    report = shop.report(workload)
    wanted = {key: stuck["metadata"][key] for key in ("name", "uid")}
    request = shop.request(workload, report, "Restart", parameters={"pod": wanted}, validationWindow="10s")
    shop.wait(request, "Preflighted", "True PreflightPassed")
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.judge(report["metadata"]["name"], active=False, seconds=5)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    shop.until(lambda: not runs(node, identity(stuck)), "its process is gone")
    now = {identity(pod) for pod in pods(shop)}
    assert identity(other) in now
    assert identity(stuck) not in now
    assert runs(node, identity(other))
