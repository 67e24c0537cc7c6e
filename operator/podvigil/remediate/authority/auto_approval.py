"""What a monitor lets the approver approve by itself: a pure decision, off while no rule is written.

A rule is a person's word in advance, so it is read strictly: whatever is not clearly within it waits for a person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.conditions import is_true
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, AutoApprovalRule
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, ReportCondition
from podvigil.api.request import Plan, RemediationRequest, ReportReference, Reversibility
from podvigil.api.signals import Signal
from podvigil.remediate.guards.namespace_not_protected import is_protected
from podvigil.remediate.guards.report_answered import not_as_reported
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.freshness import freshness
from podvigil.remediate.windows import open_until

LOOK_AGAIN: Final = timedelta(seconds=15)
"""What is still missing may come: a preflight, a fresh report, an opening window."""

ANALYST: Final = "podvigil-analyst"
"""The ServiceAccount of the analyst, in the operator's own namespace (deploy/base/serviceaccounts.yaml)."""


@dataclass(frozen=True, slots=True)
class Approve:
    """The request is within a rule."""

    reason: str
    """Which rule, and the figures it was judged by; written into the approval."""


def auto_approve(
    request: RemediationRequest,
    report: AnomalyReport | None,
    monitor: AnomalyMonitor | None,
    *,
    own_namespace: str,
    now: datetime,
) -> Approve | Refusal:
    """Say whether a rule approves the request at `now`, or what speaks against it.

    A Refusal without `retry_after` is final for this request.
    """
    plan, namespace = request.spec.plan, str(request.metadata["namespace"])
    if request.spec.approval is not None or request.spec.cancellation is not None:
        return Refusal(Reason.NOT_APPROVED, "a person has spoken already")
    if now >= plan.expires_at:
        return Refusal(Reason.PLAN_EXPIRED, "the plan has expired")
    if request.spec.requested_by != f"system:serviceaccount:{own_namespace}:{ANALYST}":
        asked_by = request.spec.requested_by
        return Refusal(
            Reason.NOT_APPROVED,
            f"rules are for the analyst's requests; what {asked_by} asks for is left to a person",
        )
    if plan.report is None:
        return Refusal(Reason.NOT_APPROVED, "what answers no report is left to a person")
    if monitor is None:
        return Refusal(Reason.MONITOR_MISSING, f"AnomalyMonitor {plan.monitor} does not exist")
    rules = [
        rule
        for rule in monitor.spec.remediation.auto_approval
        if rule.action == plan.action and namespace in rule.namespaces
    ]
    if not rules:
        return Refusal(
            Reason.NOT_APPROVED,
            f"no rule of AnomalyMonitor {plan.monitor} is about {plan.action} in {namespace}",
            LOOK_AGAIN,
        )
    if plan.target.kind not in CLUSTER_SCOPED and is_protected(
        namespace, own_namespace, monitor.spec.remediation.protected_namespaces
    ):
        return Refusal(Reason.PROTECTED_NAMESPACE, f"namespace {namespace} is protected")
    if objection := _unclear(request, plan.report, report, monitor, now):
        return objection
    verdicts = [_within(rule, plan, plan.report.signal, namespace, report, monitor, now) for rule in rules]
    return next((v for v in verdicts if isinstance(v, Approve)), verdicts[0])


def _unclear(
    request: RemediationRequest,
    answered: ReportReference,
    report: AnomalyReport | None,
    monitor: AnomalyMonitor,
    now: datetime,
) -> Refusal | None:
    """Say what no rule can outweigh."""
    plan, preflight = request.spec.plan, request.status.preflight
    if monitor.spec.remediation.paused:
        return Refusal(Reason.PAUSED, f"AnomalyMonitor {plan.monitor} is paused", LOOK_AGAIN)
    if preflight is None:
        return Refusal(Reason.NOT_APPROVED, "there is no preflight yet", LOOK_AGAIN)
    if preflight.refusals:
        first = preflight.refusals[0]
        return Refusal(Reason.NOT_APPROVED, f"the preflight objects: {first.reason}", LOOK_AGAIN)
    if preflight.reversibility is Reversibility.IRREVERSIBLE:
        return Refusal(Reason.NOT_APPROVED, "what cannot be undone is left to a person")
    if report is None or report.metadata["uid"] != answered.uid:
        return Refusal(Reason.REPORT_MISSING, f"AnomalyReport {answered.name} is gone")
    if differs := not_as_reported(plan, report):
        return Refusal(Reason.REPORT_MISSING, f"AnomalyReport {answered.name} {differs}")
    evaluated = report.status.last_evaluated
    interval = parse_duration(monitor.spec.interval).total_seconds()
    if evaluated is None or now - evaluated > freshness(interval):
        return Refusal(Reason.REPORT_STALE, f"AnomalyReport {answered.name} is not fresh", LOOK_AGAIN)
    if not is_true(report.status.conditions, ReportCondition.ACTIVE):
        return Refusal(Reason.ANOMALY_CLEARED, f"AnomalyReport {answered.name} is not active", LOOK_AGAIN)
    return None


def _within(
    rule: AutoApprovalRule,
    plan: Plan,
    signal: Signal,
    namespace: str,
    report: AnomalyReport | None,
    monitor: AnomalyMonitor,
    now: datetime,
) -> Approve | Refusal:
    if rule.windows and open_until(rule.windows, now) is None:
        return Refusal(Reason.OUTSIDE_MAINTENANCE_WINDOW, "outside the rule's hours", LOOK_AGAIN)
    probability = report.status.probability_permille if report else None
    # A certain signal, such as an OOM kill, has 1000‰: one without a probability is one that nobody can say.
    if probability is None or probability < rule.minimum_probability_permille:
        found = "no probability" if probability is None else f"probability {probability}‰"
        wanted = rule.minimum_probability_permille
        return Refusal(Reason.LOW_PROBABILITY, f"{found} of {wanted}‰", LOOK_AGAIN)
    succeeded, failed = _past(monitor, plan, signal, namespace)
    if succeeded < rule.minimum_successes:
        wanted = rule.minimum_successes
        return Refusal(
            Reason.NOT_APPROVED, f"it helped {succeeded} times, {wanted} are asked for", LOOK_AGAIN
        )
    if failed:
        return Refusal(Reason.RECURRING, f"it failed {failed} times in a row here", LOOK_AGAIN)
    return Approve(
        f"rule of AnomalyMonitor {plan.monitor} for {plan.action} in {', '.join(rule.namespaces)}: "
        f"{signal} probability {probability}‰ (at least {rule.minimum_probability_permille}‰), "
        f"helped {succeeded} times before (at least {rule.minimum_successes})"[:1024]
    )


def _past(monitor: AnomalyMonitor, plan: Plan, signal: Signal, namespace: str) -> tuple[int, int]:
    """Return how often the action helped for the signal anywhere, and its failures in a row on this target."""
    counts = [c for c in monitor.status.outcomes or () if c.signal == signal and c.action == plan.action]
    here = (
        c
        for c in counts
        if (c.namespace, c.kind, c.target) == (namespace, plan.target.kind, plan.target.name)
    )
    return sum(c.succeeded for c in counts), sum(c.failures_in_a_row for c in here)
