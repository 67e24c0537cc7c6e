"""From a report to a plan: the action that its diagnosis recommends, and when none is proposed. Used by the analyst."""

import math
from datetime import datetime
from typing import Final

from podvigil.api.actions import TARGET_KINDS, ActionName
from podvigil.api.conditions import is_true
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode
from podvigil.api.names import request_name
from podvigil.api.parameters import REPLICAS_MAX, PlanParameters
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, ReportCondition
from podvigil.api.request import Plan, PlanTarget, RemediationRequest, ReportReference, RequestSpec
from podvigil.remediate.guards.namespace_not_protected import is_protected
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState

SCALE_BY: Final = 1.25
"""A quarter more, and at least one pod: enough to see an effect, too little to surprise a budget."""


def propose(
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    *,
    requested_by: str,
    own_namespace: str,
    now: datetime,
) -> RemediationRequest | Refusal:
    """Return the request that answers the report, to be created as it is, or why there is none.

    The name is made from the report, the action and the episode: a second create is a 409.

    Args:
        target: the report's workload as it is now; its uid and generation go into the plan.
        requested_by: our user name as the API server knows it; the gate compares it with the caller.
        own_namespace: the operator's, in which nothing is ever changed.
    """
    action = next((r.action for r in report.status.recommendations or () if r.action), None)
    if action is None:
        return Refusal(
            Reason.NO_ACTION_KNOWN,
            f"the diagnosis recommends no action for {report.spec.signal} of this target",
        )
    if refusal := _objection(report, monitor, target, action, own_namespace):
        return refusal
    parameters = None
    if action == ActionName.SCALE:
        more = max(target.replicas + 1, math.ceil(target.replicas * SCALE_BY))
        parameters = PlanParameters(replicas=min(more, REPLICAS_MAX))
    rules, namespace, name = monitor.spec.remediation, report.metadata["namespace"], report.metadata["name"]
    # Without a beginning every report of this target would have one request, ever.
    episode = report.status.first_seen or now
    return RemediationRequest(
        metadata={
            "name": request_name(name, action, episode.strftime("%Y-%m-%dT%H:%M:%SZ")),
            "namespace": namespace,
            # A request goes with its report, so that their number is bounded by the reports' TTL.
            "ownerReferences": [
                {
                    "apiVersion": report.api_version,
                    "kind": report.kind,
                    "name": name,
                    "uid": report.metadata["uid"],
                }
            ],
        },
        spec=RequestSpec(
            requested_by=requested_by,
            plan=Plan(
                action=action,
                target=PlanTarget(
                    api_version=target.ref.api_version,
                    kind=target.ref.kind,
                    name=target.ref.name,
                    uid=target.ref.uid,
                    generation=target.generation,
                ),
                parameters=parameters,
                report=ReportReference(name=name, uid=report.metadata["uid"], signal=report.spec.signal),
                monitor=monitor.metadata["name"],
                message=_why(report, target, action, parameters),
                expires_at=(now + parse_duration(rules.approval_timeout)).replace(microsecond=0),
                validation_window=rules.validation_window,
                dry_run=rules.mode is RemediationMode.SUGGEST_AND_DRY_RUN,
            ),
        ),
    )


def _objection(
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    action: str,
    own_namespace: str,
) -> Refusal | None:
    rules, name, namespace = monitor.spec.remediation, monitor.metadata["name"], report.metadata["namespace"]
    if rules.mode is RemediationMode.OFF:
        return Refusal(Reason.REMEDIATION_OFF, f"AnomalyMonitor {name} has remediation.mode Off")
    if rules.paused:
        return Refusal(Reason.PAUSED, f"AnomalyMonitor {name} has remediation.paused set")
    if action not in rules.allowed_actions:
        return Refusal(
            Reason.ACTION_NOT_ALLOWED, f"AnomalyMonitor {name} does not have {action} in allowedActions"
        )
    if not is_true(report.status.conditions, ReportCondition.ACTIVE):
        return Refusal(
            Reason.ANOMALY_CLEARED, f"AnomalyReport {namespace}/{report.metadata['name']} is not active"
        )
    probability = report.status.probability_permille
    if probability is not None and probability < rules.minimum_probability_permille:
        return Refusal(
            Reason.LOW_PROBABILITY,
            f"the finding's probability is {probability}‰, {rules.minimum_probability_permille}‰ are asked for",
        )
    if is_protected(namespace, own_namespace, rules.protected_namespaces):
        return Refusal(Reason.PROTECTED_NAMESPACE, f"namespace {namespace} is protected")
    if target.ref.kind not in TARGET_KINDS[action]:
        return Refusal(Reason.UNSUPPORTED_TARGET, f"{action} does not exist for {target.ref}")
    if target.ref.uid != report.spec.target.uid:
        return Refusal(Reason.STALE_TARGET, f"{target.ref} is not the object of the report: its uid differs")
    if target.paused:
        return Refusal(Reason.ROLLOUT_PAUSED, f"{target.ref} is paused (spec.paused)")
    if target.replicas == 0 or (action == ActionName.SCALE and target.replicas >= REPLICAS_MAX):
        return Refusal(Reason.NO_CHANGE, f"{target.ref} has {target.replicas} replicas")
    return None


def _why(report: AnomalyReport, target: WorkloadState, action: str, parameters: PlanParameters | None) -> str:
    what = str(target.ref)
    if parameters and parameters.replicas is not None:
        what += f" from {target.replicas} to {parameters.replicas} replicas"
    finding = report.status.summary or f"{report.spec.signal} since {report.status.first_seen}"
    return f"{action} {what}: {finding}"[:1024]
