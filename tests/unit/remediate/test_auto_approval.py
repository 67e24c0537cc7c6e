"""What a rule approves without a person: read strictly, one doubt at a time."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from podvigil.api.reasons import Reason
from podvigil.remediate.authority.auto_approval import ANALYST, Approve, auto_approve
from podvigil.remediate.refusal import Refusal
from unit.remediate.world import NOW, active, at, monitor, report, request

RULE = {"action": "Restart", "namespaces": ["shop"], "minimumProbabilityPermille": 900, "minimumSuccesses": 2}
LEARNT = {
    "signal": "MemoryHigh",
    "action": "Restart",
    "namespace": "shop",
    "kind": "Deployment",
    "target": "web",
    "attempts": 3,
    "succeeded": 2,
}
RULES = "spec.remediation.autoApproval"
OUTCOMES = "status.outcomes"
READY: dict[str, dict[str, Any]] = {
    "request": {"spec.approval": None},
    "report": active("True", -5, status__probabilityPermille=950),
    "monitor": {RULES: [RULE], OUTCOMES: [LEARNT]},
}


def decided(**change: dict[str, Any] | None) -> Approve | Refusal:
    """The decision about READY with something changed; None for what is not there."""

    def made(name: str) -> dict[str, Any]:
        return {**READY[name], **(change.get(name) or {})}

    is_gone = {name for name, value in change.items() if value is None}
    return auto_approve(
        request(made("request")),
        None if "report" in is_gone else report(made("report")),
        None if "monitor" in is_gone else monitor(made("monitor")),
        own_namespace="podvigil-system",
        now=NOW,
    )


def test_within_a_rule() -> None:
    verdict = decided()
    assert isinstance(verdict, Approve)
    for figure in ("Restart in shop", "950‰", "900‰", "helped 2 times", "at least 2"):
        assert figure in verdict.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            {"request": {"spec.approval": {"decision": "Denied"}}}, Reason.NOT_APPROVED, id="decided"
        ),
        pytest.param({"request": {"spec.cancellation": {}}}, Reason.NOT_APPROVED, id="cancelled"),
        pytest.param({"request": {"spec.plan.report": None}}, Reason.NOT_APPROVED, id="answers-no-report"),
        pytest.param({"request": {"spec.plan.expiresAt": at(0)}}, Reason.PLAN_EXPIRED, id="expired"),
        pytest.param({"request": {"status": None}}, Reason.NOT_APPROVED, id="no-preflight"),
        pytest.param(
            {"request": {"status.preflight.refusals": [{"reason": "Cooldown", "message": "-"}]}},
            Reason.NOT_APPROVED,
            id="objected-to",
        ),
        pytest.param(
            {"request": {"status.preflight.reversibility": "Irreversible"}},
            Reason.NOT_APPROVED,
            id="irreversible",
        ),
        pytest.param({"monitor": None}, Reason.MONITOR_MISSING, id="no-monitor"),
        pytest.param({"monitor": {RULES: []}}, Reason.NOT_APPROVED, id="no-rule"),
        pytest.param(
            {"monitor": {RULES: [{**RULE, "action": "Scale"}]}}, Reason.NOT_APPROVED, id="another-action"
        ),
        pytest.param(
            {"monitor": {RULES: [{**RULE, "namespaces": ["other"]}]}},
            Reason.NOT_APPROVED,
            id="another-namespace",
        ),
        pytest.param(
            {"monitor": {"spec.remediation.protectedNamespaces": ["shop"]}},
            Reason.PROTECTED_NAMESPACE,
            id="protected",
        ),
        pytest.param({"monitor": {"spec.remediation.paused": True}}, Reason.PAUSED, id="paused"),
        pytest.param({"report": None}, Reason.REPORT_MISSING, id="no-report"),
        pytest.param({"report": {"metadata.uid": "r2"}}, Reason.REPORT_MISSING, id="report-made-anew"),
        pytest.param({"report": {"status.lastEvaluated": at(-300)}}, Reason.REPORT_STALE, id="stale"),
        pytest.param({"report": active("False", -5)}, Reason.ANOMALY_CLEARED, id="cleared"),
        pytest.param(
            {"report": {"status.probabilityPermille": 899}}, Reason.LOW_PROBABILITY, id="not-sure-enough"
        ),
        pytest.param(
            {"report": {"status.probabilityPermille": None}}, Reason.LOW_PROBABILITY, id="no-probability"
        ),
        pytest.param({"request": {"spec.requestedBy": "ann"}}, Reason.NOT_APPROVED, id="asked-by-a-person"),
        pytest.param(
            {"request": {"spec.requestedBy": "system:serviceaccount:shop:podvigil-analyst"}},
            Reason.NOT_APPROVED,
            id="asked-by-a-namesake-of-the-analyst",
        ),
        pytest.param({"report": {"spec.signal": "CPUHigh"}}, Reason.REPORT_MISSING, id="of-another-signal"),
        pytest.param({"report": {"spec.monitor": "lab"}}, Reason.REPORT_MISSING, id="of-another-monitor"),
        pytest.param({"report": {"spec.target.name": "db"}}, Reason.REPORT_MISSING, id="of-another-target"),
        pytest.param({"monitor": {OUTCOMES: []}}, Reason.NOT_APPROVED, id="never-tried"),
        pytest.param(
            {"monitor": {OUTCOMES: [{**LEARNT, "signal": "CPUHigh"}]}},
            Reason.NOT_APPROVED,
            id="helped-another-signal",
        ),
        pytest.param(
            {"monitor": {OUTCOMES: [{**LEARNT, "failuresInARow": 1}]}},
            Reason.RECURRING,
            id="failed-here-lately",
        ),
        pytest.param(
            {"monitor": {RULES: [{**RULE, "windows": [{"start": "22:00", "duration": "1h"}]}]}},
            Reason.OUTSIDE_MAINTENANCE_WINDOW,
            id="outside-its-hours",
        ),
    ],
)
def test_one_doubt_is_enough(change: dict[str, Any], reason: Reason) -> None:
    verdict = decided(**change)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is reason


def test_the_account_of_the_analyst_is_the_shipped_one() -> None:
    shipped = (Path(__file__).parents[3] / "deploy/base/serviceaccounts.yaml").read_text(encoding="utf-8")
    assert ANALYST in {account["metadata"]["name"] for account in yaml.safe_load_all(shipped)}


def test_success_elsewhere_counts_and_failure_elsewhere_does_not() -> None:
    elsewhere = {**LEARNT, "target": "cart", "failuresInARow": 3}
    assert isinstance(decided(monitor={OUTCOMES: [elsewhere]}), Approve)


def test_one_of_several_rules_is_enough() -> None:
    strict = {**RULE, "minimumSuccesses": 9}
    assert isinstance(decided(monitor={RULES: [strict, RULE]}), Approve)
