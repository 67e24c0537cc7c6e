"""What holds a request back: each guard alone, and the order of the chain."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.guards import EXECUTION, PREFLIGHT, all_refusals, first_refusal
from podvigil.remediate.guards.report_answered import report_answered
from podvigil.remediate.observe.context import Budget, OtherRequest
from unit.remediate.world import (
    CLEAR,
    NOW,
    OPEN,
    SCALE_DOWN,
    SCALE_UP,
    active,
    at,
    context,
    deployment,
    pod,
    report,
)

OTHER = OtherRequest("older", created=at(-500))

ROWS = [
    pytest.param({}, None, id="no-objection"),
    pytest.param({"gate": OPEN}, Reason.GATE_NOT_STANDING, id="gate-is-open"),
    pytest.param({"request_change": {"spec.approval": None}}, Reason.NOT_APPROVED, id="nobody-approved"),
    pytest.param(
        {"request_change": {"spec.approval.decision": "Denied"}}, Reason.DENIED, id="a-person-said-no"
    ),
    pytest.param(
        {"request_change": {"spec.plan.expiresAt": at(0)}}, Reason.PLAN_EXPIRED, id="expires-this-very-second"
    ),
    pytest.param({"request_change": {"spec.plan.expiresAt": at(1)}}, None, id="expires-in-a-second"),
    pytest.param(
        {
            "request_change": {"spec.plan.action": "example.com/None"},
            "monitor_change": {"spec.remediation.allowedActions": ["example.com/None"]},
        },
        Reason.ACTION_UNKNOWN,
        id="no-such-action-here",
    ),
    pytest.param({"target": None}, Reason.TARGET_MISSING, id="target-deleted"),
    pytest.param(
        {"target": deployment(metadata__deletionTimestamp=at(-1))},
        Reason.TARGET_MISSING,
        id="target-being-deleted",
    ),
    pytest.param({"target": deployment(metadata__uid="u2")}, Reason.STALE_TARGET, id="target-replaced"),
    pytest.param({"target": deployment(metadata__generation=4)}, Reason.STALE_TARGET, id="target-edited"),
    pytest.param({"report": None}, Reason.REPORT_MISSING, id="report-deleted"),
    pytest.param({"report_change": {"metadata.uid": "r2"}}, Reason.REPORT_MISSING, id="report-made-anew"),
    pytest.param(
        {"report_change": {"spec.signal": "CPUHigh"}}, Reason.REPORT_MISSING, id="report-of-another-signal"
    ),
    pytest.param(
        {"report_change": {"spec.monitor": "lab"}}, Reason.REPORT_MISSING, id="report-of-another-monitor"
    ),
    pytest.param(
        {"report_change": {"spec.target.name": "db"}}, Reason.REPORT_MISSING, id="report-about-another-target"
    ),
    pytest.param(
        {"report_change": {"spec.target.kind": "StatefulSet"}},
        Reason.REPORT_MISSING,
        id="report-about-another-kind",
    ),
    pytest.param(
        {"report_change": {"spec.target.uid": "u0"}}, Reason.REPORT_MISSING, id="report-about-a-namesake"
    ),
    pytest.param({"monitor": None}, Reason.MONITOR_MISSING, id="monitor-deleted"),
    pytest.param(
        {"monitor_change": {"spec.remediation.mode": "Off"}}, Reason.REMEDIATION_OFF, id="switched-off"
    ),
    pytest.param(
        {"monitor_change": {"spec.remediation.allowedActions": ["Scale"]}},
        Reason.ACTION_NOT_ALLOWED,
        id="action-withdrawn",
    ),
    pytest.param(
        {"request_change": {"metadata.namespace": "kube-flannel"}},
        Reason.PROTECTED_NAMESPACE,
        id="kubernetes-own-namespace",
    ),
    pytest.param(
        {"request_change": {"metadata.namespace": "podvigil-system"}},
        Reason.PROTECTED_NAMESPACE,
        id="our-own-namespace",
    ),
    pytest.param(
        {"monitor_change": {"spec.remediation.protectedNamespaces": ["shop"]}},
        Reason.PROTECTED_NAMESPACE,
        id="namespace-protected-by-monitor",
    ),
    pytest.param(
        {"request_change": SCALE_UP, "autoscalers": ("web",)}, Reason.AUTOSCALED, id="scale-of-autoscaled"
    ),
    pytest.param({"autoscalers": ("web",)}, None, id="restart-of-autoscaled"),
    pytest.param(
        {"target": deployment(spec__replicas=0, status__replicas=0, status__updatedReplicas=0)},
        Reason.NO_CHANGE,
        id="restart-of-nothing",
    ),
    pytest.param(
        {"request_change": {**SCALE_UP, "spec.plan.parameters": {"replicas": 4}}},
        Reason.NO_CHANGE,
        id="scaled-already",
    ),
    pytest.param({"report_change": active("False", -10)}, Reason.ANOMALY_CLEARED, id="anomaly-went-away"),
    pytest.param({"report_change": active("Unknown", -10)}, Reason.NOT_EVALUATED, id="anomaly-unknown"),
    pytest.param(
        {"report_change": {"status.conditions": []}}, Reason.NOT_EVALUATED, id="report-without-condition"
    ),
    # max(3 x 30 s, 2 min) = 120 s
    pytest.param({"report_change": {"status.lastEvaluated": at(-120)}}, None, id="report-just-fresh"),
    pytest.param(
        {"report_change": {"status.lastEvaluated": at(-121)}}, Reason.REPORT_STALE, id="report-too-old"
    ),
    # 3 x 1 min = 180 s
    pytest.param(
        {"monitor_change": {"spec.interval": "1m"}, "report_change": {"status.lastEvaluated": at(-180)}},
        None,
        id="report-fresh-for-slow-monitor",
    ),
    pytest.param(
        {"report_change": {"status.lastEvaluated": None}}, Reason.REPORT_STALE, id="report-never-evaluated"
    ),
    pytest.param(
        {"missing_rights": ("patch deployments in shop",)}, Reason.PERMISSION_MISSING, id="role-not-bound"
    ),
    pytest.param({"monitor_change": {"spec.remediation.paused": True}}, Reason.PAUSED, id="paused"),
    pytest.param({"target": deployment(spec__paused=True)}, Reason.ROLLOUT_PAUSED, id="rollout-paused"),
    pytest.param(
        {"others": (replace(OTHER, is_approved=True),)}, Reason.ALREADY_REMEDIATED, id="older-one-approved"
    ),
    pytest.param({"others": (OTHER,)}, None, id="older-one-undecided"),
    pytest.param(
        {"others": (replace(OTHER, is_approved=True, is_claimed=True, is_finished=True),)},
        None,
        id="older-one-finished",
    ),
    pytest.param(
        {"others": (replace(OTHER, created=at(-1), is_approved=True),)}, None, id="newer-one-approved"
    ),
    pytest.param(
        {"others": (replace(OTHER, created=at(-1), is_claimed=True),)},
        Reason.ALREADY_REMEDIATED,
        id="newer-one-at-work",
    ),
    pytest.param(
        {"others": (replace(OTHER, is_finished=True, changed_at=NOW - timedelta(seconds=899)),)},
        Reason.COOLDOWN,
        id="changed-within-15-minutes",
    ),
    pytest.param(
        {"others": (replace(OTHER, is_finished=True, changed_at=NOW - timedelta(seconds=900)),)},
        None,
        id="changed-15-minutes-ago",
    ),
    pytest.param(
        {"target": deployment(status__updatedReplicas=2)}, Reason.ROLLOUT_RUNNING, id="rollout-half-way"
    ),
    pytest.param({"target": deployment(status__replicas=5)}, Reason.ROLLOUT_RUNNING, id="old-pod-left"),
    pytest.param(
        {"target": deployment(status__observedGeneration=2)}, Reason.ROLLOUT_RUNNING, id="controller-behind"
    ),
    pytest.param({"target": deployment(status__readyReplicas=1)}, None, id="unready-pods-are-no-rollout"),
    # maxUnavailable 25 % of 4 = 1 pod at once
    pytest.param({"budgets": (Budget("web", 0),)}, Reason.BUDGET_BLOCKS, id="budget-full"),
    pytest.param({"budgets": (Budget("web", 1),)}, None, id="budget-has-room"),
    pytest.param(
        {
            "budgets": (Budget("web", 3),),
            "target": deployment(spec__strategy={"type": "Recreate"}),
            "monitor_change": {"spec.remediation.minimumAvailable": 0},
        },
        Reason.BUDGET_BLOCKS,
        id="recreate-takes-all-four",
    ),
    pytest.param(
        {
            "budgets": (Budget("web", 0),),
            "target": deployment(spec__strategy={"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}),
        },
        None,
        id="surge-touches-no-budget",
    ),
    pytest.param(
        {"budgets": (Budget("web", 0),), "target": deployment(status__readyReplicas=0)},
        None,
        id="a-workload-that-is-down-is-repaired-however-full-its-budget",
    ),
    pytest.param(
        {"budgets": (Budget("web", 0),), "target": deployment(status__readyReplicas=3)},
        None,
        id="what-is-down-already-is-replaced-first",
    ),
    pytest.param(
        {
            "budgets": (Budget("web", 0),),
            "target": deployment(status__readyReplicas=0, spec__strategy={"type": "Recreate"}),
        },
        None,
        id="recreate-takes-none-of-those-that-are-down",
    ),
    pytest.param(
        {
            "budgets": (Budget("web", 0),),
            "target": deployment(kind="StatefulSet", status__readyReplicas=3),
        },
        Reason.BUDGET_BLOCKS,
        id="by-ordinal-the-next-may-be-a-ready-one",
    ),
    pytest.param(
        {
            "budgets": (Budget("web", 0),),
            "target": deployment(status__readyReplicas=3, pods=(pod("web-1"),)),
            "request_change": {"spec.plan.parameters": {"pod": {"name": "web-1", "uid": "uid-web-1"}}},
        },
        Reason.BUDGET_BLOCKS,
        id="an-eviction-of-a-ready-pod-needs-room",
    ),
    pytest.param(
        {"request_change": SCALE_UP, "budgets": (Budget("web", 0),)}, None, id="scale-up-needs-none"
    ),
    pytest.param(
        {"request_change": SCALE_DOWN, "budgets": (Budget("web", 2),)},
        Reason.BUDGET_BLOCKS,
        id="scale-down-takes-three",
    ),
]


def test_a_cronjob_is_a_remedy_for_what_was_reported() -> None:
    cronjob = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "flush", "uid": "c1", "generation": 1}
    ctx = context(request_change={"spec.plan.action": "RunJob", "spec.plan.target": cronjob})
    assert report_answered(ctx, NOW) is None
    assert report_answered(replace(ctx, report=report({"spec.monitor": "lab"})), NOW) is not None


@pytest.mark.parametrize(("change", "reason"), ROWS)
def test_first_refusal(change: dict[str, Any], reason: Reason | None) -> None:
    refusal = first_refusal(context(**change), NOW)
    assert (refusal.reason if refusal else None) == reason


def test_on_delete_is_no_objection_while_all_pods_are_of_one_revision() -> None:
    target = deployment(kind="StatefulSet", spec__updateStrategy={"type": "OnDelete"})
    assert first_refusal(context(target=target), NOW) is None


def test_the_preflight_shows_every_objection() -> None:
    ctx = context(
        gate=OPEN,
        target=deployment(spec__paused=True, status__updatedReplicas=1),
        budgets=(Budget("web", 0),),
        missing_rights=("patch deployments in shop",),
        request_change={"spec.approval": None},
    )
    assert [refusal.reason for refusal in all_refusals(ctx, NOW)] == [
        Reason.PERMISSION_MISSING,
        Reason.ROLLOUT_PAUSED,
        Reason.ROLLOUT_RUNNING,
        Reason.BUDGET_BLOCKS,
        Reason.GATE_NOT_STANDING,
    ]


def test_the_gate_is_asked_first_and_budgets_last() -> None:
    assert EXECUTION[0].__name__ == "gate_stands"
    assert EXECUTION[-1].__name__ == "budget_allows"
    assert {guard.__name__ for guard in EXECUTION} - {guard.__name__ for guard in PREFLIGHT} == {
        "approved",
        "not_expired",
    }


def test_of_two_requests_at_work_exactly_one_goes_first() -> None:
    mine, theirs = CLEAR.rank, replace(OTHER, created=at(-120), name="web-memoryhigh-aaa").rank
    assert (mine < theirs) is not (theirs < mine)


def test_a_refusal_that_passes_by_itself_says_when_to_look_again() -> None:
    refusal = first_refusal(
        context(others=(replace(OTHER, is_finished=True, changed_at=NOW - timedelta(minutes=5)),)), NOW
    )
    assert refusal is not None
    assert refusal.retry_after == timedelta(minutes=10)
