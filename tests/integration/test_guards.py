"""Guards that look beyond one request, and the comparison with siblings, on a real API server."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import kinds
import samples
from executors import ThreadedExecutor
from localcluster.controlplane import ControlPlane
from shop import SYSTEM, Shop, now

PAUSED = "podvigil.io/paused"


def clock(hours: float) -> str:
    """The time of day so many hours from now, in UTC."""
    return f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}"


def test_each_objection_holds_it_back_until_it_is_gone(shop: Shop, executor: ThreadedExecutor) -> None:
    kubectl, closed = shop.cluster.kubectl, [{"start": clock(6), "duration": "1h"}]
    workload = shop.deploy("web")
    failing = {
        "outcomes": [
            {
                "signal": "MemoryHigh",
                "action": "Restart",
                "namespace": shop.namespace,
                "kind": "Deployment",
                "target": "web",
                "attempts": 2,
                "recurred": 2,
                "failuresInARow": 2,
                "lastFailureTime": now(-60),
                "lastRecurrenceAfter": "30m",
            }
        ]
    }
    storm = {"podsAffected": 50, "workloadsAffected": 5}
    kubectl("annotate", "namespace", SYSTEM, f"{PAUSED}=release until noon")
    try:
        shop.set_rules(maintenanceWindows=closed)
        shop.watch(ticksSinceChange=2, **storm, **failing)
        report = shop.report(workload)
        request = shop.request(workload, report)
        shop.wait(request, "Preflighted", "False")
        preflight = shop.status(request)["preflight"]
        assert [refusal["reason"] for refusal in preflight["refusals"]] == [
            "Paused",
            "OutsideMaintenanceWindow",
            "Settling",
            "Storm",
            "Recurring",
        ]
        assert "release until noon" in preflight["refusals"][0]["message"]
        assert preflight["pastSuccess"].endswith(
            "0 of 2 cases of MemoryHigh here, last recurrence after 30m."
        )
        shop.decide(request)
        shop.wait(request, "Executed", "False Paused")
    finally:
        kubectl("annotate", "namespace", SYSTEM, f"{PAUSED}-")
    shop.wait(request, "Executed", "False OutsideMaintenanceWindow")
    shop.set_rules(maintenanceWindows=[*closed, {"start": clock(-1), "duration": "2h"}])
    shop.wait(request, "Executed", "False Settling")
    shop.watch(ticksSinceChange=3, **storm, **failing)
    shop.wait(request, "Executed", "False Storm")
    shop.watch(**failing)
    shop.wait(request, "Executed", "False Recurring")
    assert shop.changes(workload) == []
    shop.watch(outcomes=None)
    shop.judge(report["metadata"]["name"], active=True)  # what was said at the begin may be stale by now
    shop.wait(request, "Executed", "True")
    assert len(shop.changes(workload)) == 1


def paused(shop: Shop, report: str) -> None:
    shop.patch("deployment", "web", {"spec": {"paused": True}})


def rolling_out_for_ever(shop: Shop, report: str) -> None:
    nowhere = {"spec": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}}
    shop.patch("deployment", "web", {"spec": {"template": nowhere}})


def stale(shop: Shop, report: str) -> None:
    shop.judge(report, active=True, seconds=-600)


def without_a_monitor(shop: Shop, report: str) -> None:
    shop.kubectl("delete", "anmon", shop.monitor)


def as_it_is(shop: Shop, report: str) -> None:
    """Nothing happens."""


@pytest.mark.parametrize(
    ("happens", "action", "plan", "reason", "waits"),
    [
        pytest.param(paused, "Restart", {}, "RolloutPaused", True, id="its-rollout-is-paused"),
        pytest.param(rolling_out_for_ever, "Restart", {}, "RolloutRunning", True, id="it-is-rolling-out"),
        pytest.param(stale, "Restart", {}, "ReportStale", True, id="nobody-has-looked-lately"),
        pytest.param(as_it_is, "example.com/None", {}, "ActionUnknown", True, id="no-such-action"),
        pytest.param(as_it_is, "Scale", {"parameters": {"replicas": 2}}, "NoChange", False, id="it-is-so"),
        pytest.param(without_a_monitor, "Restart", {}, "MonitorMissing", False, id="no-rules-any-more"),
    ],
)
def test_what_speaks_against_it_holds_it_back_or_ends_it(
    shop: Shop,
    executor: ThreadedExecutor,
    happens: Callable[[Shop, str], None],
    action: str,
    plan: dict[str, Any],
    reason: str,
    waits: bool,
) -> None:
    shop.set_rules(allowedActions=["Restart", "Scale", "example.com/None"])
    report = shop.report(shop.deploy("web"))
    happens(shop, report["metadata"]["name"])
    request = shop.request(shop.get("deployment", "web"), report, action, **plan)
    approve = {"spec": {"approval": {"decision": "Approved", "approvedBy": "admin"}}}
    shop.patch("remreq", request, approve)
    executed = shop.wait(request, "Executed", f"False {reason}")
    assert executed["Succeeded"] == (f"Unknown {reason}" if waits else "False Refused")
    refused = [refusal["reason"] for refusal in shop.status(request)["preflight"]["refusals"]]
    assert refused == [reason]
    assert shop.changes(shop.get("deployment", "web")) == []


def test_without_its_report_nobody_is_asked(shop: Shop, executor: ThreadedExecutor) -> None:
    """No ownerReference: a request that a person's tool made outlives the report."""
    workload = shop.deploy("web")
    report = shop.report(workload)
    shop.kubectl("delete", "anomalyreport", report["metadata"]["name"])
    ended = shop.wait_end(shop.request(workload, report))
    assert ended["Executed"] == "False ReportMissing"
    assert ended["Succeeded"] == "False Refused"
    assert shop.changes(workload) == []


def test_a_second_node_that_is_not_ready_is_a_storm(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, _, request = shop.trouble()
    dead = [f"{shop.namespace}-dead-{number}" for number in (1, 2)]
    for name in dead:
        shop.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    try:
        shop.decide(request)
        shop.wait(request, "Executed", "False Storm")
        (said,) = [c["message"] for c in shop.status(request)["conditions"] if c["type"] == "Executed"]
        assert f"2 of 4 nodes are not ready: {', '.join(dead)}" in said
        assert shop.changes(workload) == []
        shop.cluster.kubectl("cordon", dead[0])  # somebody looks after it
        shop.wait(request, "Executed", "True")
    finally:
        shop.cluster.kubectl("delete", "node", *dead)


def test_of_many_approved_at_once_only_so_many_are_made_in_an_hour(
    shop: Shop, executor: ThreadedExecutor
) -> None:
    shop.set_rules(maximumActionsPerHour=2)
    troubles = [shop.trouble() for _ in range(4)]
    requests = [request for _, _, request in troubles]
    for request in requests:
        shop.wait(request, "Preflighted", "True")
    for request in requests:
        shop.decide(request)

    def executed() -> list[str]:
        return sorted(shop.conditions(request).get("Executed", "") for request in requests)

    expected = ["False HourlyBudgetSpent"] * 2 + ["True Executed"] * 2
    shop.until(lambda: executed() == expected, "two are made and two wait")
    assert sum(len(shop.changes(workload)) for workload, _, _ in troubles) == 2


def test_the_only_pod_is_not_taken_away_unless_a_person_allows_it(
    shop: Shop, executor: ThreadedExecutor
) -> None:
    workload = shop.deploy("db", 1, "StatefulSet")
    report = shop.report(workload)
    refused = shop.request(workload, report)
    shop.decide(refused)
    assert shop.wait_end(refused)["Executed"] == "False ReplicaFloor"
    assert shop.changes(workload) == []
    shop.set_rules(minimumAvailable=0)
    allowed = shop.request(workload, report)
    shop.decide(allowed)
    shop.wait(allowed, "Executed", "True")


WINDOWS = [
    pytest.param({"start": "09:30"}, None, id="as-little-as-can-be"),
    pytest.param(
        {"start": "09:30", "days": ["Monday"], "duration": "24h", "timeZone": "America/Argentina/Buenos_Aires"},
        None,
        id="all-of-it",
    ),
    pytest.param({"start": "9:30"}, "start", id="no-time-of-day"),
    pytest.param({"start": "24:00"}, "start", id="no-such-hour"),
    pytest.param({"start": "09:30", "days": ["Mon"]}, "days", id="no-day"),
    pytest.param({"start": "09:30", "days": []}, "days", id="never"),
    pytest.param({"start": "09:30", "duration": "25h"}, "24h", id="longer-than-a-day"),
    pytest.param({"start": "09:30", "timeZone": "Mars/Olympus"}, "time zone", id="no-such-zone"),
    pytest.param({"start": "09:30", "timeZone": "+02:00"}, "timeZone", id="an-offset"),
]  # fmt: skip


@pytest.mark.parametrize(("window", "objection"), WINDOWS)
def test_the_api_server_checks_maintenance_windows(
    installed: ControlPlane, window: dict[str, Any], objection: str | None
) -> None:
    body = samples.changed(samples.monitor(), {"spec.remediation": {"maintenanceWindows": [window]}})
    said = kinds.create(installed, body)
    assert (said == "") if objection is None else (objection in said)


# -- siblings


def unready(shop: Shop, name: str) -> None:
    """Let every pod of a workload fail its readiness probe."""
    pods = json.loads(shop.kubectl("get", "pods", f"-l=app={name}", "-o", "json"))["items"]
    for pod in pods:
        conditions = [c for c in pod["status"].get("conditions", ()) if c["type"] != "Ready"]
        down = {"type": "Ready", "status": "False", "lastTransitionTime": now()}
        status = {"status": {"conditions": [*conditions, down]}}
        shop.patch("pod", pod["metadata"]["name"], status, "--subresource=status")


@pytest.mark.parametrize(
    ("everywhere", "validated", "rolled_back"),
    [
        pytest.param(False, "False Harmful", "True RolledBack", id="only-the-target-goes-down"),
        pytest.param(True, "Unknown Inconclusive", "False NotNeeded", id="everything-goes-down"),
    ],
)
def test_harm_is_told_from_a_trouble_that_is_bigger(
    shop: Shop, executor: ThreadedExecutor, everywhere: bool, validated: str, rolled_back: str
) -> None:
    shop.deploy("db", 3)
    workload, _, request = shop.trouble("Scale", parameters={"replicas": 3})
    name = workload["metadata"]["name"]
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    before = shop.status(request)["execution"]["siblings"]
    assert (before["workloads"], before["replicas"], before["readyReplicas"]) == (1, 3, 3)
    for down in ("db", name) if everywhere else (name,):
        unready(shop, down)
    ended = shop.wait_end(request)
    assert ended["Validated"] == validated
    assert ended["RolledBack"] == rolled_back
    assert ended["Succeeded"] == f"False {validated.split()[1]}"
    assert shop.get("deployment", name)["spec"]["replicas"] == (3 if everywhere else 2)
    if everywhere:
        assert shop.status(request)["validation"]["siblings"]["readyReplicas"] == 0


def test_a_trouble_that_ends_everywhere_is_no_success(shop: Shop, executor: ThreadedExecutor) -> None:
    elsewhere = shop.report(shop.deploy("db"))["metadata"]["name"]
    workload, report, request = shop.trouble()
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    assert shop.status(request)["execution"]["siblings"]["reports"] == [elsewhere]
    shop.rolled(workload)
    for name in (elsewhere, report["metadata"]["name"]):
        shop.judge(name, active=False, seconds=2)
    ended = shop.wait_end(request)
    assert ended["Validated"] == "Unknown Inconclusive"
    assert ended["Succeeded"] == "False Inconclusive"
    (said,) = [c["message"] for c in shop.status(request)["conditions"] if c["type"] == "Validated"]
    assert "1 workloads beside it, which were not changed" in said
