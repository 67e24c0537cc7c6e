"""The approver under its own account on a real API server: with the right, without it, and nothing beyond it."""

import json
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from approvers import ThreadedApprover, install_approver
from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from shop import APPROVER, EXECUTOR, Shop, install, now


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> ControlPlane:
    cluster = kwok_cluster.control_plane
    install(cluster)
    install_approver(cluster)
    return cluster


@pytest.fixture(scope="module")
def metrics(installed: ControlPlane) -> Iterator[CollectorRegistry]:
    """The metrics of an approver at work beside an executor."""
    with (
        ThreadedExecutor(installed.kubeconfig(EXECUTOR)),
        ThreadedApprover(installed.kubeconfig(APPROVER)) as approver,
    ):
        yield approver.metrics


def rules(shop: Shop, action: str = "Restart", **more: object) -> list[dict[str, object]]:
    return [{"action": action, "namespaces": [shop.namespace], "minimumSuccesses": 0, **more}]


def test_a_request_within_a_rule_is_carried_out(shop: Shop, metrics: CollectorRegistry) -> None:
    shop.set_rules(autoApproval=rules(shop))
    workload, report, request = shop.trouble(replicas=1)
    shop.wait(request, "Executed", "True")
    approval = shop.get("remreq", request)["spec"]["approval"]
    assert approval["approvedBy"] == APPROVER
    assert f"rule of AnomalyMonitor {shop.monitor} for Restart" in approval["reason"]
    shop.rolled(workload)
    shop.judge(report["metadata"]["name"], active=False, seconds=1, pods=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert metrics.get_sample_value("podvigil_auto_approvals_total", {"action": "Restart"}) == 1
    events = json.loads(shop.kubectl("get", "events", "-o", "json"))["items"]
    assert any(
        e["reason"] == "Approved" and "rule of AnomalyMonitor" in e["note" if "note" in e else "message"]
        for e in events
    )
    decided = [
        line
        for line in shop.cluster.audit_log.read_text().splitlines()
        if f"/{request}" in line and APPROVER in line
    ]
    assert any("Approved Restart by" in line for line in decided), "the policy's audit annotation names it"


def test_without_a_rule_a_person_decides(shop: Shop, metrics: CollectorRegistry) -> None:
    shop.set_rules(autoApproval=rules(shop, "Scale"))
    _, _, request = shop.trouble(replicas=1, expiresAt=now(12))
    assert shop.wait_end(request)["Succeeded"] == "False Expired"


def test_the_server_refuses_an_action_that_was_not_bound(shop: Shop, metrics: CollectorRegistry) -> None:
    shop.set_rules(autoApproval=rules(shop, "Rollback"), allowedActions=["Rollback"])
    workload = shop.deploy("web", 1)
    shop.kubectl("set", "env", "deployment/web", "RELEASE=2")
    workload = shop.rolled(workload)
    request = shop.request(workload, shop.report(workload), "Rollback")

    def is_told() -> bool:
        found = json.loads(shop.kubectl("get", "events", "-o", "json"))["items"]
        return any(e["reason"] == "PermissionMissing" for e in found)

    shop.until(is_told, "the refusal is told")
    assert "approval" not in shop.get("remreq", request)["spec"]


def test_a_person_may_be_quicker(shop: Shop, metrics: CollectorRegistry) -> None:
    shop.set_rules(autoApproval=rules(shop, minimumSuccesses=5))
    _, _, request = shop.trouble(replicas=1)
    shop.wait(request, "Preflighted", "True")
    shop.decide(request, "Denied")
    assert shop.wait_end(request)["Succeeded"] == "False Denied"


@pytest.mark.parametrize(
    "command",
    [
        ("create", "deployment", "mine", "--image=x"),
        ("rollout", "restart", "deployment/web"),
        ("scale", "deployment/web", "--replicas=2"),
        ("create", "-f", "-"),
        ("cordon", "node-1"),
    ],
    ids=lambda command: command[0],
)
def test_it_can_do_nothing_else(shop: Shop, command: tuple[str, ...]) -> None:
    shop.deploy("web", 1)
    body = {
        "apiVersion": "podvigil.io/v1alpha1",
        "kind": "RemediationRequest",
        "metadata": {"name": "mine", "namespace": shop.namespace},
    }
    said = shop.cluster.kubectl(
        *command, f"--namespace={shop.namespace}", user=APPROVER, check=False, input=json.dumps(body)
    )
    assert "forbidden" in said.stderr.lower()
