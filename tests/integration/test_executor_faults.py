"""The executor in trouble: it is killed, there are two of it, the API server goes away.

A proxy in front of the real API server makes the trouble; the server's audit log proves how often was acted. Every
answer that the API server can give, at every call: test_fault_matrix.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from executors import ExecutorProcess, ThreadedExecutor
from faults.proxy import AlterJson, Drop, FaultProxy, Reset, Rule
from localcluster.controlplane import ControlPlane
from shop import EXECUTOR, Shop, now


@dataclass
class Nth(Rule):
    """Takes the nth matching call alone."""

    n: int = 1
    seen: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Count the calls that match."""
        if self.method not in (None, method) or self.path not in path:
            return False
        self.seen += 1
        return self.seen == self.n


@dataclass
class Lists(Rule):
    """Takes the server's list of what it serves."""

    def takes(self, method: str, path: str) -> bool:
        """That of the core group alone."""
        return (method, path) == ("GET", "/api/v1")


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed.url, ca_file=installed.ca_file) as running:
        yield running


@pytest.fixture
def through_proxy(installed: ControlPlane, proxy: FaultProxy, tmp_path: Path) -> Path:
    """A kubeconfig of the executor's own account, through the proxy."""
    return proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(EXECUTOR))


@pytest.mark.parametrize(
    ("method", "path", "n"),
    [
        pytest.param("PUT", "/status", 1, id="before-the-claim"),
        pytest.param("PATCH", "/deployments/", 1, id="between-claim-and-change"),
        pytest.param("PUT", "/status", 2, id="between-change-and-record"),
    ],
)
def test_a_kill_at_any_step_acts_once(
    shop: Shop, proxy: FaultProxy, through_proxy: Path, tmp_path: Path, method: str, path: str, n: int
) -> None:
    with ExecutorProcess(through_proxy, "executor-0", tmp_path / "log") as process:
        workload, report, request = shop.trouble(replicas=1)
        shop.wait(request, "Preflighted", "True")
        rule = Nth(Drop(), method, path, n=n)
        proxy.add(rule)
        shop.decide(request)
        shop.until(lambda: rule.seen >= 1, "the executor has begun")
        if n > 1:
            shop.wait(request, "Executed", "Unknown" if n == 2 else "True")
            shop.judge(report["metadata"]["name"], active=False, seconds=2, pods=1)
        shop.until(lambda: rule.seen >= n, "the call is under way")
        process.kill()
        proxy.clear()
        process.start()
        shop.wait(request, "Executed", "True")
        shop.rolled(workload)
        shop.judge(report["metadata"]["name"], active=False, seconds=2, pods=1)
        assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
        assert process.stop() == 0
    assert len(shop.changes(workload)) == 1


def test_another_executor_takes_over_a_claim(
    shop: Shop, proxy: FaultProxy, through_proxy: Path, installed: ControlPlane, tmp_path: Path
) -> None:
    workload, report, request = shop.trouble(replicas=1)
    with ExecutorProcess(through_proxy, "executor-0", tmp_path / "log") as process:
        shop.wait(request, "Preflighted", "True")
        proxy.add(Rule(Drop(), "PATCH", "/deployments/"))
        shop.decide(request)
        shop.wait(request, "Executed", "Unknown Executing")
        process.kill()
    # Instead of waiting until the claim is old enough.
    aged = {"status": {"execution": {"claimedAt": now(-60)}}}
    shop.patch("remreq", request, aged, "--subresource=status")
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR), "executor-1"):
        shop.wait(request, "Executed", "True")
        assert shop.status(request)["execution"]["claimedBy"] == "executor-1"
        shop.rolled(workload)
        shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
        assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert len(shop.changes(workload)) == 1


def test_two_executors_side_by_side_act_once(shop: Shop, installed: ControlPlane) -> None:
    kubeconfig = installed.kubeconfig(EXECUTOR)
    with ThreadedExecutor(kubeconfig, "executor-0"), ThreadedExecutor(kubeconfig, "executor-1"):
        troubles = [shop.trouble(replicas=1) for _ in range(4)]
        for _, _, request in troubles:
            shop.decide(request)
        for workload, report, request in troubles:
            shop.wait(request, "Executed", "True")
            shop.rolled(workload)
            shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
        for _, _, request in troubles:
            assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert [len(shop.changes(workload)) for workload, _, _ in troubles] == [1, 1, 1, 1]


def test_two_requests_for_one_target_change_it_once(shop: Shop, installed: ControlPlane) -> None:
    workload, report, first = shop.trouble(replicas=1)
    second = shop.request(workload, report)
    for request in (first, second):
        shop.decide(request)
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)):
        shop.wait(first, "Executed", "True")
        # The first change makes a new generation: the second plan was made for the old one.
        assert shop.wait_end(second)["Succeeded"] == "False Refused"
        shop.rolled(workload)
        shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
        assert shop.wait_end(first)["Succeeded"] == "True Succeeded"
    assert len(shop.changes(workload)) == 1


def test_the_api_server_restarts_meanwhile(shop: Shop, installed: ControlPlane) -> None:
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)) as executor:
        workload, report, request = shop.trouble(replicas=1)
        shop.decide(request)
        shop.wait(request, "Executed", "True")
        installed.stop_apiserver()
        beats = executor.beats
        shop.until(
            lambda: executor.metric("podvigil_executor_errors_total", status="0") > 0, "the outage is seen"
        )
        shop.until(lambda: executor.beats > beats, "the executor stays alive")
        installed.start_apiserver()
        shop.rolled(workload)
        shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
        assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert len(shop.changes(workload)) == 1


def test_what_is_told_is_told_when_no_write_is_ever_answered(
    shop: Shop, proxy: FaultProxy, through_proxy: Path
) -> None:
    """Each write of a status is done, and its answer lost: every event and every count is there all the same."""
    proxy.add(Rule(Reset(after_upstream=True), "PUT", "/status"))
    with ThreadedExecutor(through_proxy) as executor:
        _, report, request = shop.trouble("Scale", parameters={"replicas": 3})
        shop.decide(request)
        shop.wait(request, "Executed", "True")
        shop.judge(report["metadata"]["name"], active=True, seconds=2)
        assert shop.wait_end(request)["Succeeded"] == "False Ineffective"
        counted = {
            "podvigil_changes_total": {"action": "Scale"},
            "podvigil_rollbacks_total": {"action": "Scale", "reason": "RolledBack"},
            "podvigil_requests_finished_total": {"action": "Scale", "outcome": "Ineffective"},
        }
        shop.until(
            lambda: all(executor.metric(name, **labels) == 1 for name, labels in counted.items()),
            "all is counted",
        )
    about = f"--field-selector=involvedObject.name={request}"
    told = shop.kubectl("get", "events", about, "-o=jsonpath={.items[*].reason}")
    assert {"Executing", "Executed", "Ineffective", "RolledBack"} <= set(told.split())


def without_resize(served: dict[str, Any]) -> dict[str, Any]:
    """What a server before Kubernetes 1.33 says that it serves."""
    return {**served, "resources": [found for found in served["resources"] if found["name"] != "pods/resize"]}


def test_an_older_server_cannot_resize_pods_and_is_not_asked_to(
    shop: Shop, proxy: FaultProxy, through_proxy: Path
) -> None:
    shop.set_rules(allowedActions=["SetResources"])
    proxy.add(Lists(AlterJson(without_resize)))
    container = {"name": "app", "image": "shop", "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    workload = shop.deploy("web", 2, template=template)
    more = {"container": "app", "method": "InPlace", "limits": {"cpu": "750m"}, "requests": {"cpu": "750m"}}
    with ThreadedExecutor(through_proxy):
        request = shop.request(
            workload, shop.report(workload), "SetResources", parameters={"resources": more}
        )
        shop.wait(request, "Preflighted", "False ResizeUnavailable")
        shop.decide(request)
        assert shop.wait_end(request)["Executed"] == "False ResizeUnavailable"
    assert [call for call in proxy.calls if "/resize" in call.path] == []
