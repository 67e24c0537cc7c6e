"""The executor in trouble: every answer the API server can give, a kill at every step, a second executor.

A proxy in front of the real API server makes the trouble; the server's audit log proves how often was acted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from executors import ExecutorProcess, ThreadedExecutor
from faults.proxy import Drop, Fault, FaultProxy, Reset, Rule, Status
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from shop import EXECUTOR, Shop, install, now

READS = (
    "/remediationrequests/",
    "/remediationrequests?",
    "/deployments/",
    "/pods?",
    "/anomalyreports/",
    "/anomalymonitors/",
    "/poddisruptionbudgets",
    "/horizontalpodautoscalers",
)
GATE = (
    ("POST", "selfsubjectreviews"),
    ("GET", "validatingadmissionpolicies/"),
    ("GET", "validatingadmissionpolicybindings"),
    ("POST", "dryRun=All"),
)


@dataclass
class Nth(Rule):
    """Takes the nth matching call alone, or with `every` each nth."""

    n: int = 1
    every: bool = False
    seen: int = 0

    def takes(self, method: str, path: str) -> bool:
        """Count the calls that match."""
        if self.method not in (None, method) or self.path not in path:
            return False
        self.seen += 1
        return self.seen % self.n == 0 if self.every else self.seen == self.n


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> ControlPlane:
    install(kwok_cluster.control_plane)
    return kwok_cluster.control_plane


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    return Shop(installed, namespace)


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed.url, ca_file=installed.ca_file) as running:
        yield running


@pytest.fixture
def through_proxy(installed: ControlPlane, proxy: FaultProxy, tmp_path: Path) -> Path:
    """A kubeconfig of the executor's own account, through the proxy."""
    return proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(EXECUTOR))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Status(401), id="401"),
        pytest.param(Status(409), id="409"),
        pytest.param(Status(429, retry_after=1), id="429"),
        pytest.param(Status(500), id="500"),
        pytest.param(Reset(after_upstream=True), id="answer-lost"),
    ],
)
def test_what_may_pass_is_tried_again_and_done_once(
    shop: Shop, proxy: FaultProxy, through_proxy: Path, fault: Fault
) -> None:
    """Every kind of read fails once, after the request itself was read; every second write fails."""
    for path in READS:
        proxy.add(Nth(fault, "GET", path))
    for method, path in GATE:
        proxy.add(Nth(fault, method, path))
    for method, path in (("PUT", "/status"), ("PATCH", "/deployments/"), ("POST", "/events")):
        proxy.add(Nth(fault, method, path, n=2, every=True, seen=1))
    with ThreadedExecutor(through_proxy) as executor:
        workload, report, request = shop.trouble(replicas=1)
        shop.decide(request)
        shop.wait(request, "Executed", "True")
        shop.rolled(workload)
        shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
        assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
        assert executor.beats > 0
    assert len(shop.changes(workload)) == 1


@pytest.mark.parametrize("code", [400, 403, 422])
def test_a_refusal_of_the_change_ends_the_request(
    shop: Shop, proxy: FaultProxy, through_proxy: Path, code: int
) -> None:
    with ThreadedExecutor(through_proxy):
        workload, _, request = shop.trouble(replicas=1)
        shop.wait(request, "Preflighted", "True")
        proxy.add(Rule(Status(code, "not by me"), "PATCH", "/deployments/"))
        shop.decide(request)
        ended = shop.wait_end(request)
    assert ended["Executed"] == "False APIServerRefused"
    assert ended["Succeeded"] == "False Refused"
    assert shop.changes(workload) == []


def test_a_server_that_never_takes_the_change_lets_the_plan_expire(
    shop: Shop, proxy: FaultProxy, through_proxy: Path
) -> None:

    with ThreadedExecutor(through_proxy):
        workload, _, request = shop.trouble(replicas=1, expiresAt=now(12))
        shop.wait(request, "Preflighted", "True")
        proxy.add(Rule(Status(503), "PATCH", "/deployments/"))
        shop.decide(request)
        ended = shop.wait_end(request)
    assert ended["Succeeded"] == "False Expired"
    assert shop.changes(workload) == []


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
        workload, report, request = shop.trouble(replicas=1, validationWindow="45s")
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
