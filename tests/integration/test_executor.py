"""The executor on a real API server, under its own ServiceAccount: from a request to what became of it."""

import json
from typing import Any

import pytest

from executors import ThreadedExecutor
from shop import POLICY, ROOT, TOKEN, Shop, gate_refuses, now


def test_restart_from_request_to_success(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, report, request = shop.trouble(replicas=3)
    shop.wait(request, "Preflighted", "True PreflightPassed")
    preflight = shop.status(request)["preflight"]
    assert [line.split(":")[0] for line in preflight["changes"]] == [
        "spec.template.metadata.annotations.kubectl.kubernetes.io/restartedAt",
        f"spec.template.metadata.annotations.{TOKEN}",
    ]
    assert preflight["podsDisturbed"] == 3
    assert preflight["reversibility"] == "NothingToUndo"
    assert preflight["pastSuccess"] == "This is the first time that Restart is tried for MemoryHigh here."
    assert shop.changes(workload) == []

    old_pods = _pods(shop, workload)
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    rolled = shop.rolled(workload)
    assert (
        rolled["spec"]["template"]["metadata"]["annotations"][TOKEN]
        == shop.get("remreq", request)["metadata"]["uid"]
    )
    shop.until(lambda: _pods(shop, workload).isdisjoint(old_pods), "all pods are new")
    shop.judge(report["metadata"]["name"], active=False, pods=3, seconds=1)

    assert shop.wait_end(request) == {
        "Approved": "True Approved",
        "Executed": "True Executed",
        "Preflighted": "True PreflightPassed",
        "RolledBack": "False NotNeeded",
        "Succeeded": "True Succeeded",
        "Validated": "True Succeeded",
    }
    assert len(shop.changes(workload)) == 1
    # Counted after the event is made, which comes after the condition.
    finished = {"action": "Restart", "outcome": "Succeeded"}
    shop.until(lambda: executor.metric("podvigil_requests_finished_total", **finished) == 1, "it is counted")
    reasons = {e["reason"] for e in json.loads(shop.kubectl("get", "events", "-o", "json"))["items"]}
    assert {"PreflightPassed", "Executing", "Executed", "Succeeded"} <= reasons


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_restart_of_other_kinds(shop: Shop, executor: ThreadedExecutor, kind: str) -> None:
    workload = shop.deploy("db", 2, kind)
    report = shop.report(workload)
    request = shop.request(workload, report)
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.rolled(workload)
    shop.judge(report["metadata"]["name"], active=False, seconds=1)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"


def test_scale_that_does_not_help_is_rolled_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, report, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.wait(request, "Preflighted", "True")
    assert shop.status(request)["preflight"]["changes"] == ["spec.replicas: 2 → 3"]
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert shop.status(request)["execution"]["before"] == {"replicas": "2"}
    assert shop.rolled(workload)["spec"]["replicas"] == 3
    shop.judge(report["metadata"]["name"], active=True, seconds=5)
    ended = shop.wait_end(request)
    assert ended["Validated"] == "False Ineffective"
    assert ended["RolledBack"] == "True RolledBack"
    assert ended["Succeeded"] == "False Ineffective"
    assert shop.rolled(workload)["spec"]["replicas"] == 2


def test_a_value_that_is_no_longer_ours_is_not_rolled_back(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, report, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.kubectl("scale", f"deployment/{workload['metadata']['name']}", "--replicas=5")
    shop.rolled(workload)
    shop.judge(report["metadata"]["name"], active=True, seconds=5)
    ended = shop.wait_end(request)
    assert ended["RolledBack"] == "False StaleTarget"
    assert ended["Succeeded"] == "False Ineffective"
    assert shop.get("deployment", workload["metadata"]["name"])["spec"]["replicas"] == 5


def test_no_fresh_report_is_inconclusive(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    ended = shop.wait_end(request)
    assert ended["Validated"] == "Unknown Inconclusive"
    assert ended["Succeeded"] == "False Inconclusive"
    assert shop.rolled(workload)["spec"]["replicas"] == 3


def test_denied(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble()
    shop.decide(request, "Denied")
    ended = shop.wait_end(request)
    assert ended["Approved"] == "False Denied"
    assert ended["Executed"] == "False Denied"
    assert ended["Succeeded"] == "False Denied"
    assert shop.changes(workload) == []


def test_expired(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble(expiresAt=now(8))
    assert shop.wait_end(request)["Succeeded"] == "False Expired"
    assert shop.changes(workload) == []


def test_a_target_that_was_edited_meanwhile_is_refused(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble()
    shop.wait(request, "Preflighted", "True")
    shop.kubectl("set", "env", f"deployment/{workload['metadata']['name']}", "EDITED=yes")
    shop.decide(request)
    ended = shop.wait_end(request)
    assert ended["Executed"] == "False StaleTarget"
    assert ended["Succeeded"] == "False Refused"
    assert shop.changes(workload) == []


def test_a_namesake_is_refused(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble()
    name = workload["metadata"]["name"]
    shop.kubectl("delete", "deployment", name, "--wait=true")
    shop.deploy(name)
    shop.decide(request)
    assert shop.wait_end(request)["Executed"] in ("False StaleTarget", "False TargetMissing")


def test_every_objection_is_shown_before_the_decision(shop: Shop, executor: ThreadedExecutor) -> None:
    shop.set_rules(paused=True)
    workload = shop.deploy("web", 2, strategy={"type": "Recreate"})
    shop.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": shop.namespace},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        }
    )
    shop.until(
        lambda: shop.get("pdb", "web").get("status", {}).get("disruptionsAllowed") == 1,
        "the budget is counted",
    )
    request = shop.request(workload, shop.report(workload))
    shop.wait(request, "Preflighted", "False")
    preflight = shop.status(request)["preflight"]
    assert [refusal["reason"] for refusal in preflight["refusals"]] == [
        "Paused",
        "ReplicaFloor",
        "BudgetBlocks",
    ]
    assert preflight["budgets"] == [{"name": "web", "disruptionsAllowed": 1}]
    assert preflight["changes"], "the dry run is shown all the same"


def test_a_paused_monitor_holds_back_until_it_goes_on(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble()
    shop.wait(request, "Preflighted", "True")
    shop.set_rules(paused=True)
    shop.decide(request)
    shop.wait(request, "Executed", "False Paused")
    assert shop.changes(workload) == []
    shop.set_rules(paused=False)
    shop.wait(request, "Executed", "True")


def test_an_autoscaled_workload_is_not_scaled(shop: Shop, executor: ThreadedExecutor) -> None:
    workload = shop.deploy("web")
    shop.kubectl("autoscale", "deployment/web", "--min=2", "--max=5", "--cpu=80%")
    request = shop.request(workload, shop.report(workload, "CPUHigh"), "Scale", parameters={"replicas": 3})
    shop.decide(request)
    ended = shop.wait_end(request)
    assert ended["Executed"] == "False Autoscaled"
    assert shop.changes(workload) == []


def test_a_missing_role_is_named(shop: Shop, executor: ThreadedExecutor) -> None:
    binding = json.loads(
        shop.cluster.kubectl("get", "clusterrolebinding", "podvigil-action-restart", "-o", "json").stdout
    )
    shop.cluster.kubectl("delete", "clusterrolebinding", "podvigil-action-restart")
    try:
        _, _, request = shop.trouble()
        shop.wait(request, "Preflighted", "False PermissionMissing")
    finally:
        for key in ("uid", "resourceVersion", "creationTimestamp"):
            binding["metadata"].pop(key)
        shop.apply(binding)


def test_a_plan_of_a_dry_run_changes_nothing(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble(dryRun=True)
    shop.decide(request)
    assert shop.wait_end(request)["Succeeded"] == "False DryRunOnly"
    assert shop.changes(workload) == []


def test_without_the_gate_the_executor_only_observes(shop: Shop, executor: ThreadedExecutor) -> None:
    kubectl = shop.cluster.kubectl
    kubectl("delete", "validatingadmissionpolicybinding", POLICY)
    try:
        workload, report, request = shop.trouble()
        shop.wait(request, "Preflighted", "")
        shop.until(lambda: not gate_refuses(shop.cluster), "the policy is off")
        shop.decide(request)
        conditions = shop.wait(request, "Executed", "False GateNotStanding")
        assert conditions["Succeeded"] == "Unknown GateNotStanding"
        shop.until(lambda: executor.metric("podvigil_gate_standing") == 0, "the metric says so")
        # Counted after the event is made, which comes after the condition.
        shop.until(
            lambda: executor.metric("podvigil_refusals_total", reason="GateNotStanding") >= 1, "it is counted"
        )
        events = json.loads(shop.kubectl("get", "events", "-o", "json"))["items"]
        assert "GateNotStanding" in {event["reason"] for event in events}
        assert shop.changes(workload) == []
    finally:
        kubectl("apply", "-k", str(ROOT / "deploy/overlays/local"))
    shop.until(lambda: gate_refuses(shop.cluster), "the policy is on")
    shop.judge(report["metadata"]["name"], active=True)  # what was said at the begin may be stale by now
    shop.wait(request, "Executed", "True")
    assert executor.metric("podvigil_gate_standing") == 1


def _pods(shop: Shop, workload: dict[str, Any]) -> set[str]:
    selector = f"-l=app={workload['metadata']['name']}"
    return set(shop.kubectl("get", "pods", selector, "-o", "name").split())
