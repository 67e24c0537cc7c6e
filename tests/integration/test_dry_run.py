"""`--dry-run`: nothing but dry runs reaches the API server, by the log of a proxy before it."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from approvers import ThreadedApprover, install_approver
from executors import ThreadedExecutor
from faults.proxy import Call, FaultProxy
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from operator_process import Api, OperatorProcess
from shop import ANALYST, APPROVER, EXECUTOR, Shop

REVIEWS = ("selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews")
"""Questions about ourselves are posted, and nothing is kept of them."""


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed.url, ca_file=installed.ca_file) as running:
        yield running


def kept(calls: list[Call]) -> list[Call]:
    """The calls after which something may have been kept: a DELETE says that it is a dry run in its body."""
    writes = [c for c in calls if c.method not in ("GET", "HEAD") and not any(r in c.path for r in REVIEWS)]
    return [c for c in writes if "dryRun=All" not in c.path]


def test_the_executor_says_what_it_would_do(
    shop: Shop, installed: ControlPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    workload, _, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.decide(request)
    before = shop.get("remreq", request)
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(EXECUTOR))
    settings = {"kubeconfig": str(kubeconfig), "dry_run": "true"}
    with OperatorProcess(installed, tmp_path, "remediation", **settings) as process:
        shop.until(lambda: "Dry run: nothing is written" in process.log_text, "it says so")
        assert "spec.replicas: 2 → 3" in process.log_text
        assert process.stop() == 0
    assert any("/scale" in call.path and "dryRun=All" in call.path for call in proxy.calls)
    assert kept(proxy.calls) == []
    assert shop.get("remreq", request) == before
    assert shop.get("deployment", workload["metadata"]["name"])["spec"]["replicas"] == 2


def test_a_monitor_that_only_rehearses_changes_no_target(
    shop: Shop, installed: ControlPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    """SuggestAndDryRun: the request tells what became of it, and that is all that is written."""
    shop.set_rules(mode="SuggestAndDryRun")
    _, _, request = shop.trouble("Scale", parameters={"replicas": 3})
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(EXECUTOR))
    with ThreadedExecutor(kubeconfig):
        shop.decide(request)
        assert shop.wait_end(request)["Succeeded"] == "False DryRunOnly"
    about = f"/namespaces/{shop.namespace}/"
    # The cluster is shared: requests that other tests left behind are looked at too.
    written = {call.path.split("?")[0] for call in kept(proxy.calls) if about in call.path}
    assert written == {
        f"/apis/podvigil.io/v1alpha1{about}remediationrequests/{request}/status",
        f"/apis/events.k8s.io/v1{about}events",
    }


def test_the_approver_says_once_what_it_would_approve(
    shop: Shop, installed: ControlPlane, proxy: FaultProxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install_approver(installed)
    rule = {"action": "Restart", "namespaces": [shop.namespace], "minimumSuccesses": 0}
    shop.set_rules(autoApproval=[rule])
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)):
        _, _, request = shop.trouble()
        shop.wait(request, "Preflighted", "True")
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(APPROVER))
    caplog.set_level(logging.INFO)
    with ThreadedApprover(kubeconfig, dry_run=True) as approver:

        def tried() -> int:
            return len([c for c in proxy.calls if c.method == "PATCH" and request in c.path])

        shop.until(lambda: tried() >= 3, "it has come to the same three times")
    assert kept(proxy.calls) == []
    told = [r.message for r in caplog.records if request in str(getattr(r, "request", ""))]
    assert told == ["Would approve by a rule"]
    counted = approver.metrics.get_sample_value("podvigil_auto_approvals_total", {"action": "Restart"})
    assert counted is None
    assert "approval" not in shop.get("remreq", request)["spec"]


def test_the_analyst_says_what_it_would_report(
    shop: Shop, kwok_cluster: KwokCluster, installed: ControlPlane, proxy: FaultProxy, tmp_path: Path
) -> None:
    at_once = {"spec": {"detection": {"minimumDuration": "0s"}}}
    shop.patch("anmon", shop.monitor, at_once)
    names = kwok_cluster.deploy(shop.namespace, "web", replicas=1)
    before = Api(installed).monitor(shop.monitor)
    kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", installed.token(ANALYST))
    settings = {
        "kubeconfig": str(kubeconfig),
        "dry_run": "true",
        "prometheus_url": kwok_cluster.prometheus.url,
    }
    with OperatorProcess(installed, tmp_path, **settings) as process:
        shop.until(lambda: len([c for c in proxy.calls if "/pods?" in c.path]) > 1, "it has seen the pods")
        for _ in range(2):
            kwok_cluster.kwok.crash(shop.namespace, names[0], reason="OOMKilled", exit_code=137)
        shop.until(lambda: "Would write a report" in process.log_text, "it says so")
        assert "OOMKilled" in process.log_text
        assert process.stop() == 0
    assert kept(proxy.calls) == []
    assert Api(installed).monitor(shop.monitor) == before
    assert Api(installed).items("anomalyreports", shop.namespace) == []
