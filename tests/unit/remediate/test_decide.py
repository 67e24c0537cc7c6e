"""The way of a request: which step follows from what is seen."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.decide import next_step
from podvigil.remediate.observe.context import Budget
from podvigil.remediate.steps import (
    BeginRollback,
    Claim,
    Conclude,
    Execute,
    Finish,
    GiveUp,
    Hold,
    Idle,
    Preflight,
    Record,
    Rehearse,
    RollBack,
    Settle,
    Wait,
    Watch,
)
from unit.remediate.world import (
    CLAIM,
    NOW,
    OPEN,
    SCALE_UP,
    UID,
    active,
    at,
    context,
    deployment,
)

UNDECIDED = {"spec.approval": None}
PREFLIGHT = {"reversibility": "NothingToUndo", "wayBack": "-", "pastSuccess": "-"}
CLAIMED = {"status.execution": CLAIM}
THEIRS = {**CLAIM, "claimedBy": "executor-b"}
RESTARTED = deployment(
    metadata__generation=4,
    status__observedGeneration=4,
    spec__template={"metadata": {"labels": {"app": "web"}, "annotations": {"podvigil.io/remediation": UID}}},
)
DONE = {
    "status.execution": {**CLAIM, "finishedAt": at(-60)},
    "status.validation": {"until": at(120)},
}
CANCELLED = {"spec.cancellation": {"requestedBy": "alice", "reason": "wrong pod"}}
SCALE_CLAIM = {**CLAIM, "before": {"replicas": "4"}, "after": {"replicas": "6"}}
SCALED = deployment(
    metadata__generation=4,
    spec__replicas=6,
    status={
        "replicas": 6,
        "updatedReplicas": 6,
        "readyReplicas": 6,
        "availableReplicas": 6,
        "observedGeneration": 4,
    },
)


def validated(status: str, reason: str, seconds: float = -10) -> dict[str, Any]:
    return {
        "type": "Validated",
        "status": status,
        "reason": reason,
        "message": "judged",
        "lastTransitionTime": at(seconds),
    }


def rolling_back(seconds: float = -5) -> dict[str, Any]:
    return {**validated("Unknown", "RollingBack", seconds), "type": "RolledBack"}


def settled(status: str, reason: str) -> dict[str, Any]:
    return {**validated(status, reason), "type": "RolledBack"}


def ended(reason: str) -> dict[str, Any]:
    return {**validated("False", reason), "type": "Succeeded"}


INEFFECTIVE_SCALE: dict[str, Any] = {
    **SCALE_UP,
    "status.execution": {**SCALE_CLAIM, "finishedAt": at(-60)},
    "status.validation": {"until": at(-10)},
    "status.conditions": [validated("False", "Ineffective")],
}


@pytest.mark.parametrize(
    ("change", "step", "reason"),
    [
        pytest.param({"request_change": {"status.finishedAt": at(-1)}}, Idle, None, id="ended"),
        pytest.param({"request_change": {**UNDECIDED, "status": None}}, Preflight, None, id="new"),
        pytest.param(
            {"request_change": {"status": None}}, Preflight, None, id="approved-before-anybody-looked"
        ),
        pytest.param(
            {"request_change": {**UNDECIDED, "status.preflight": {**PREFLIGHT, "checkedAt": at(-20)}}},
            Wait,
            None,
            id="undecided-and-checked-lately",
        ),
        pytest.param({"request_change": UNDECIDED}, Preflight, None, id="undecided-and-checked-a-minute-ago"),
        pytest.param(
            {"request_change": {"spec.approval.decision": "Denied"}}, Finish, Reason.DENIED, id="denied"
        ),
        pytest.param(
            {"request_change": {**UNDECIDED, "spec.plan.expiresAt": at(0)}},
            Finish,
            Reason.PLAN_EXPIRED,
            id="undecided-until-the-end",
        ),
        pytest.param(
            {"request_change": {"spec.plan.expiresAt": at(0)}},
            Finish,
            Reason.PLAN_EXPIRED,
            id="approved-too-late",
        ),
        pytest.param(
            {"request_change": UNDECIDED, "target": None},
            Finish,
            Reason.TARGET_MISSING,
            id="undecided-and-the-target-is-gone",
        ),
        pytest.param(
            {"request_change": UNDECIDED, "report_change": active("False", -5)},
            Finish,
            Reason.ANOMALY_CLEARED,
            id="undecided-and-the-trouble-is-gone",
        ),
        pytest.param(
            {"request_change": UNDECIDED, "target": deployment(spec__paused=True)},
            Preflight,
            None,
            id="undecided-with-an-objection-that-may-pass",
        ),
        pytest.param({}, Claim, None, id="approved-and-nothing-speaks-against"),
        pytest.param({"gate": OPEN}, Hold, Reason.GATE_NOT_STANDING, id="approved-and-the-gate-is-open"),
        pytest.param(
            {"budgets": (Budget("web", 0),)}, Hold, Reason.BUDGET_BLOCKS, id="approved-and-may-soon-be-done"
        ),
        pytest.param(
            {"target": deployment(metadata__generation=9)},
            Finish,
            Reason.STALE_TARGET,
            id="approved-and-never-to-be-done",
        ),
        pytest.param({"request_change": {"spec.plan.dryRun": True}}, Rehearse, None, id="only-a-dry-run"),
        pytest.param(
            {"monitor_change": {"spec.remediation.mode": "SuggestAndDryRun"}},
            Rehearse,
            None,
            id="only-a-dry-run-since",
        ),
        pytest.param({"request_change": CLAIMED}, Execute, None, id="claimed-by-us"),
        pytest.param(
            {"request_change": {"status.execution": THEIRS}}, Wait, None, id="claimed-by-another-just-now"
        ),
        pytest.param(
            {"request_change": {"status.execution": {**THEIRS, "claimedAt": at(-30)}}},
            Claim,
            None,
            id="claimed-by-another-who-is-gone",
        ),
        pytest.param(
            {"request_change": CLAIMED, "target": RESTARTED}, Record, None, id="done-and-not-yet-recorded"
        ),
        pytest.param(
            {"request_change": {"status.execution": THEIRS}, "target": RESTARTED},
            Record,
            None,
            id="done-by-another-and-not-yet-recorded",
        ),
        pytest.param(
            {"request_change": {**CLAIMED, "spec.plan.expiresAt": at(-1)}, "target": RESTARTED},
            Record,
            None,
            id="done-before-the-plan-expired",
        ),
        pytest.param(
            {"request_change": CLAIMED, "target": deployment(metadata__generation=4)},
            Finish,
            Reason.STALE_TARGET,
            id="claimed-and-someone-else-came-first",
        ),
        pytest.param(
            {"request_change": CLAIMED, "target": None},
            Finish,
            Reason.TARGET_MISSING,
            id="claimed-and-the-target-is-gone",
        ),
        pytest.param(
            {"request_change": CLAIMED, "gate": OPEN},
            Hold,
            Reason.GATE_NOT_STANDING,
            id="claimed-and-the-gate-fell",
        ),
        pytest.param(
            {"request_change": CLAIMED, "monitor_change": {"spec.remediation.mode": "SuggestAndDryRun"}},
            Finish,
            Reason.DRY_RUN_ONLY,
            id="claimed-and-only-a-dry-run-since",
        ),
        pytest.param(
            {"request_change": {**CLAIMED, "spec.plan.expiresAt": at(0)}},
            Finish,
            Reason.PLAN_EXPIRED,
            id="claimed-and-expired-before-the-change",
        ),
        pytest.param(
            {"request_change": {"status.execution": {**CLAIM, "claimedAt": at(-600)}}},
            Finish,
            Reason.FAILED,
            id="tried-for-ten-minutes",
        ),
        pytest.param(
            {"request_change": {"status.execution": {**CLAIM, "progress": {"total": 2, "done": 1}}}},
            GiveUp,
            Reason.STALE_TARGET,
            id="what-was-begun-is-gone-and-not-begun-again",
        ),
        pytest.param(
            {"request_change": {"status.execution": {**CLAIM, "progress": {"total": 1, "done": 0}}}},
            Execute,
            None,
            id="nothing-was-done-yet-but-waited-for",
        ),
        pytest.param(
            {"request_change": {**SCALE_UP, "status.execution": SCALE_CLAIM}, "target": SCALED},
            Record,
            None,
            id="scaled-and-not-yet-recorded",
        ),
        pytest.param(
            {"request_change": DONE, "target": RESTARTED, "report_change": active("True", -5)},
            Watch,
            None,
            id="still-active",
        ),
        pytest.param(
            {"request_change": DONE, "target": RESTARTED, "report_change": active("False", -5)},
            Watch,
            None,
            id="calm-but-the-window-is-not-over",
        ),
        pytest.param(
            {"request_change": DONE, "target": None}, Conclude, None, id="target-gone-while-watching"
        ),
        pytest.param(
            {"request_change": DONE, "target": RESTARTED, "gate": OPEN},
            Watch,
            None,
            id="watching-needs-no-gate",
        ),
        pytest.param(
            {"request_change": {**DONE, "status.conditions": [validated("True", "Succeeded")]}},
            Finish,
            Reason.SUCCEEDED,
            id="succeeded",
        ),
        pytest.param(
            {"request_change": {**DONE, "status.conditions": [validated("False", "Harmful")]}},
            Settle,
            Reason.NOTHING_TO_UNDO,
            id="harmful-restart",
        ),
        pytest.param(
            {"request_change": INEFFECTIVE_SCALE, "target": SCALED},
            BeginRollback,
            None,
            id="ineffective-scale",
        ),
        pytest.param(
            {
                "request_change": {
                    **INEFFECTIVE_SCALE,
                    "status.conditions": [validated("False", "Ineffective"), rolling_back()],
                },
                "target": SCALED,
            },
            RollBack,
            None,
            id="ineffective-scale-being-put-back",
        ),
        pytest.param(
            {"request_change": INEFFECTIVE_SCALE}, Settle, Reason.ROLLED_BACK, id="ineffective-and-put-back"
        ),
        pytest.param(
            {"request_change": INEFFECTIVE_SCALE, "target": deployment(spec__replicas=9)},
            Settle,
            Reason.STALE_TARGET,
            id="ineffective-and-no-longer-ours",
        ),
        pytest.param(
            {
                "request_change": INEFFECTIVE_SCALE,
                "target": SCALED,
                "monitor_change": {"spec.remediation.paused": True},
            },
            Settle,
            Reason.PAUSED,
            id="ineffective-and-paused",
        ),
        pytest.param(
            {
                "request_change": {
                    **INEFFECTIVE_SCALE,
                    "status.conditions": [validated("False", "Ineffective", -700), rolling_back(-600)],
                },
                "target": SCALED,
            },
            Settle,
            Reason.ROLLBACK_FAILED,
            id="could-not-be-put-back-for-ten-minutes",
        ),
        pytest.param(
            {"request_change": INEFFECTIVE_SCALE, "target": None},
            Settle,
            Reason.TARGET_MISSING,
            id="ineffective-and-gone",
        ),
        pytest.param(
            {
                "request_change": {
                    **INEFFECTIVE_SCALE,
                    "status.conditions": [
                        validated("False", "Ineffective"),
                        settled("True", "RolledBack"),
                    ],
                }
            },
            Finish,
            Reason.INEFFECTIVE,
            id="put-back-and-said",
        ),
    ],
)
def test_next_step(change: dict[str, Any], step: type, reason: Reason | None) -> None:
    taken = next_step(context(**change), now=NOW)
    assert type(taken) is step
    said = taken.refusal.reason if isinstance(taken, Hold) else getattr(taken, "reason", None)
    assert said == reason


def test_a_claim_holds_what_the_way_back_needs() -> None:
    taken = next_step(context(request_change=SCALE_UP), now=NOW)
    assert isinstance(taken, Claim)
    assert (taken.change.before, taken.change.after) == ({"replicas": "4"}, {"replicas": "6"})
    assert taken.change.token == UID
    assert taken.baseline.ready_replicas == 4


def test_a_claim_taken_over_keeps_the_first_change() -> None:
    stale = {**THEIRS, "claimedAt": at(-30), "after": {"restartedAt": at(-30)}}
    taken = next_step(context(request_change={"status.execution": stale}), now=NOW)
    assert isinstance(taken, Claim)
    assert taken.change.after == {"restartedAt": at(-30)}


def test_an_approved_request_that_expires_says_what_held_it_back() -> None:
    held = {
        "type": "Executed",
        "status": "False",
        "reason": "Paused",
        "message": "remediation is paused",
        "lastTransitionTime": at(-60),
    }
    change = {"spec.plan.expiresAt": at(0), "status.conditions": [held]}
    taken = next_step(context(request_change=change), now=NOW)
    assert isinstance(taken, Finish)
    assert taken.outcome is Reason.EXPIRED
    assert "remediation is paused" in taken.message


def test_the_last_look_is_at_the_end_of_the_window() -> None:
    # 180 s in 20 looks: 9 s apart; 4 s before the end the next look is at the end.
    late = {
        **DONE,
        "status.execution": {**CLAIM, "finishedAt": at(-176)},
        "status.validation": {"until": at(4)},
    }
    taken = next_step(context(request_change=late, target=RESTARTED), now=NOW)
    assert isinstance(taken, Watch)
    assert taken.after == timedelta(seconds=4)
