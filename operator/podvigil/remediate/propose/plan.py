"""From a report to a plan: the most promising of the recommended actions, or why there is none. Used by the analyst."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import TARGET_KINDS, ActionName
from podvigil.api.conditions import is_true
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode, RemediationSpec
from podvigil.api.names import request_name
from podvigil.api.parameters import REPLICAS_MAX, PlanParameters, PodReference
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, ReportCondition
from podvigil.api.request import Plan, PlanTarget, RemediationRequest, ReportReference, RequestSpec
from podvigil.remediate.actions.earlier_revision import released_at, revision_to_restore
from podvigil.remediate.guards.namespace_not_protected import is_protected
from podvigil.remediate.propose.backoff import backing_off
from podvigil.remediate.propose.ranking import ranked
from podvigil.remediate.propose.sizing import larger
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, Memory, outcome_of, trouble_of_report
from podvigil.remediate.windows import next_opening, open_until

SCALE_BY: Final = 1.25
"""A quarter more, and at least one pod: enough to see an effect, too little to surprise a budget."""

SUSPECT: Final = timedelta(minutes=30)
"""How long a release is the first suspect; as the diagnosis has it."""

NEXT_AFTER: Final = frozenset({Reason.INEFFECTIVE, Reason.HARMFUL})
"""Ends of a request after which the next action is proposed while the same episode lasts. After a no, and when
nobody decided, a person knows of it: nobody is asked about the same episode twice."""


def answer_of(report: AnomalyReport, requests: Iterable[RemediationRequest]) -> RemediationRequest | None:
    """Return the request that answers the report's present episode; None while another may be proposed.

    Args:
        requests: of the report's target.
    """
    asked = sorted(
        (r for r in requests if _is_of_episode(r, report)),
        key=lambda r: (str(r.metadata.get("creationTimestamp", "")), r.metadata["name"]),
    )
    if not asked or outcome_of(asked[-1]) in NEXT_AFTER:
        return None
    return asked[-1]


def propose(
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    *,
    requested_by: str,
    own_namespace: str,
    now: datetime,
    memory: Memory = NOTHING_LEARNT,
    requests: Iterable[RemediationRequest] = (),
    held: Refusal | None = None,
    can_resize: bool = True,
) -> RemediationRequest | Refusal:
    """Return the request that answers the report, to be created as it is, or why there is none.

    The name is made from the report, the action and the episode: a second create is a 409.

    Args:
        target: the report's workload as it is now; its uid and generation go into the plan.
        requested_by: our user name as the API server knows it; the gate compares it with the caller.
        own_namespace: the operator's, in which nothing is ever changed.
        memory: what became of past actions.
        requests: of the report's target; an action is proposed once in an episode.
        held: why nothing at all is proposed now: a pause, a storm.
        can_resize: whether the API server can resize running pods.
    """
    asked = {r.spec.plan.action for r in requests if _is_of_episode(r, report)}
    recommended = [r.action for r in report.status.recommendations or () if r.action]
    if not recommended:
        return Refusal(
            Reason.NO_ACTION_KNOWN,
            f"the diagnosis recommends no action for {report.spec.signal} of this target",
        )
    if refusal := held or _objection(report, monitor, target, own_namespace):
        return refusal
    refusals = []
    for action in ranked(memory, trouble_of_report(report), recommended):
        if action in asked:
            continue
        planned = _planned(action, report, monitor, target, memory, now, can_resize)
        if not isinstance(planned, Refusal):
            return _request(planned, report, monitor, target, requested_by, now)
        refusals.append(planned)
    if not refusals:
        tried = ", ".join(sorted(asked))
        return Refusal(
            Reason.NO_ACTION_KNOWN,
            f"{tried} did not help, and nothing else is recommended: a person must look",
        )
    return _none_left(refusals)


Parameters = PlanParameters | None
Planned = tuple[str, Parameters]
"""An action and what it needs to know."""


def _planned(
    action: str,
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    memory: Memory,
    now: datetime,
    can_resize: bool,
) -> Planned | Refusal:
    """Return what one action would be proposed with, or why it is not."""
    rules, name = monitor.spec.remediation, monitor.metadata["name"]
    if action not in rules.allowed_actions:
        return Refusal(
            Reason.ACTION_NOT_ALLOWED, f"AnomalyMonitor {name} does not have {action} in allowedActions"
        )
    kinds = TARGET_KINDS.get(action)
    if kinds is not None and target.ref.kind not in kinds:
        return Refusal(Reason.UNSUPPORTED_TARGET, f"{action} does not exist for {target.ref}")
    if target.replicas == 0:
        return Refusal(Reason.NO_CHANGE, f"{target.ref} has {target.replicas} replicas")
    if refusal := _from_the_past(action, report, rules, memory, now):
        return refusal
    parameters = parameters_for(action, report, target, can_resize=can_resize)
    return parameters if isinstance(parameters, Refusal) else (action, parameters)


def _from_the_past(
    action: str, report: AnomalyReport, rules: RemediationSpec, memory: Memory, now: datetime
) -> Refusal | None:
    """Return why what happened before speaks against the action: a person's no, or that it keeps failing."""
    count = memory.of(trouble_of_report(report), action)
    if count is not None and count.last_denied_time is not None:
        until = count.last_denied_time + parse_duration(rules.denial_memory)
        if now < until:
            return Refusal(
                Reason.DENIED,
                f"a person said no to {action} at {count.last_denied_time:%Y-%m-%dT%H:%M:%SZ}; "
                f"it is not asked again until {until:%Y-%m-%dT%H:%M:%SZ}",
                until - now,
            )
    return backing_off(count, now)


def parameters_for(
    action: str, report: AnomalyReport, target: WorkloadState, *, can_resize: bool
) -> Parameters | Refusal:
    """Return what an action needs to know, or why it would be no remedy for this target."""
    if action == ActionName.SCALE:
        if target.replicas >= REPLICAS_MAX:
            return Refusal(Reason.NO_CHANGE, f"{target.ref} has {target.replicas} replicas")
        more = max(target.replicas + 1, math.ceil(target.replicas * SCALE_BY))
        return PlanParameters(replicas=min(more, REPLICAS_MAX))
    if action == ActionName.ROLLBACK:
        return _revision(report, target)
    if action == ActionName.RESTART:
        return _one_pod(report, target)
    if action == ActionName.SET_RESOURCES:
        resources = larger(report.spec.signal, target, can_resize=can_resize)
        return resources if isinstance(resources, Refusal) else PlanParameters(resources=resources)
    return None


def _revision(report: AnomalyReport, target: WorkloadState) -> Parameters | Refusal:
    """Return the revision to go back to, while what runs now is new enough to be the cause."""
    released, began = released_at(target), report.status.first_seen
    wanted = revision_to_restore(target, None)
    if isinstance(wanted, Refusal):
        return wanted
    if released is None or began is None or not timedelta(0) <= began - released <= SUSPECT:
        since = f" since {released:%Y-%m-%dT%H:%M:%SZ}" if released else ""
        return Refusal(
            Reason.NO_ACTION_KNOWN, f"what {target.ref} runs{since} is not new enough to be the cause"
        )
    return PlanParameters(revision=wanted.number)


def _one_pod(report: AnomalyReport, target: WorkloadState) -> Parameters:
    """Return the pod to evict when one of several replicas is in trouble; None: all are restarted."""
    status, affected = report.status, report.status.affected_pods or ()
    if status.pods_affected != 1 or (status.pods_evaluated or 0) < 2 or target.replicas < 2:
        return None
    pod = next((p for p in target.pods if p.name == affected[0]), None) if affected else None
    if pod is None or pod.finished or pod.deleting or not target.owns(pod):
        return None
    return PlanParameters(pod=PodReference(name=pod.name, uid=pod.uid))


def _none_left(refusals: list[Refusal]) -> Refusal:
    """Say of every recommended action why it is not proposed."""
    first = refusals[0]
    said = "; ".join(refusal.message for refusal in refusals)
    if any(refusal.reason is Reason.RECURRING for refusal in refusals):
        return Refusal(Reason.RECURRING, f"{said}. A person must look: what is recommended does not last")
    return Refusal(first.reason, said, first.retry_after)


def _is_of_episode(request: RemediationRequest, report: AnomalyReport) -> bool:
    wanted = _name(report, request.spec.plan.action)
    return wanted is not None and request.metadata["name"] == wanted


def _name(report: AnomalyReport, action: str) -> str | None:
    """Name the request for an action in the present episode; None when the report has not begun one."""
    if report.status.first_seen is None:
        return None
    episode = report.status.first_seen.strftime("%Y-%m-%dT%H:%M:%SZ")
    return request_name(report.metadata["name"], action, episode)


def _request(
    planned: Planned,
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    requested_by: str,
    now: datetime,
) -> RemediationRequest:
    action, parameters = planned
    rules, name = monitor.spec.remediation, report.metadata["name"]
    return RemediationRequest(
        metadata={
            # Without a beginning every report of this target would have one request, ever.
            "name": _name(report, action) or request_name(name, action, now.strftime("%Y-%m-%dT%H:%M:%SZ")),
            "namespace": report.metadata["namespace"],
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
                expires_at=_expiry(rules, now).replace(microsecond=0),
                validation_window=rules.validation_window,
                dry_run=rules.mode is RemediationMode.SUGGEST_AND_DRY_RUN,
            ),
        ),
    )


def _expiry(rules: RemediationSpec, now: datetime) -> datetime:
    """Return when the plan ends: after the time for a decision, and not before the next window could be used."""
    patience: timedelta = parse_duration(rules.approval_timeout)
    opening = next_opening(rules.maintenance_windows, now)
    if opening is None or open_until(rules.maintenance_windows, now) is not None:
        return now + patience
    start, end = opening
    return max(now + patience, min(start + patience, end))


def _objection(
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    own_namespace: str,
) -> Refusal | None:
    """Return what speaks against any action."""
    rules, name, namespace = monitor.spec.remediation, monitor.metadata["name"], report.metadata["namespace"]
    if rules.mode is RemediationMode.OFF:
        return Refusal(Reason.REMEDIATION_OFF, f"AnomalyMonitor {name} has remediation.mode Off")
    if rules.paused:
        return Refusal(Reason.PAUSED, f"AnomalyMonitor {name} has remediation.paused set")
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
    if target.ref.uid != report.spec.target.uid:
        return Refusal(Reason.STALE_TARGET, f"{target.ref} is not the object of the report: its uid differs")
    if target.paused:
        return Refusal(Reason.ROLLOUT_PAUSED, f"{target.ref} is paused (spec.paused)")
    return None


def _why(report: AnomalyReport, target: WorkloadState, action: str, parameters: PlanParameters | None) -> str:
    what = str(target.ref)
    if parameters and parameters.replicas is not None:
        what += f" from {target.replicas} to {parameters.replicas} replicas"
    if parameters and parameters.pod is not None:
        what = f"Pod {parameters.pod.name} of {what}"
    if parameters and parameters.revision is not None:
        what += f" to revision {parameters.revision}"
    if parameters and (resources := parameters.resources):
        limits = ", ".join(f"{name} limit {value}" for name, value in (resources.limits or {}).items())
        what += f" to {limits} for container {resources.container} ({resources.method})"
    finding = report.status.summary or f"{report.spec.signal} since {report.status.first_seen}"
    return f"{action} {what}: {finding}"[:1024]
