"""From a report to a plan: the most promising of the recommended actions, or why there is none. Used by the analyst."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import TARGET_KINDS, ActionName
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationSpec
from podvigil.api.parameters import REPLICAS_MAX, PlanParameters, PodReference
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.remediate.actions.earlier_revision import released_at, revision_to_restore
from podvigil.remediate.propose.episode import asked_in, may_be_asked_again, number_of, standing, too_soon
from podvigil.remediate.propose.ranking import ranked
from podvigil.remediate.propose.request import Planned, request_for
from podvigil.remediate.propose.sizing import larger
from podvigil.remediate.propose.withheld import Scene, Withheld, is_waited_for, objections, summed
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, Memory, trouble_of_report

SCALE_BY: Final = 1.25
"""A quarter more, and at least one pod: enough to see an effect, too little to surprise a budget."""

SUSPECT: Final = timedelta(minutes=30)
"""How long a release is the first suspect; as the diagnosis has it."""


def recommended_by(report: AnomalyReport) -> tuple[str, ...] | Refusal:
    """Return the actions that the diagnosis recommends; without one there is nothing to look at."""
    actions = tuple(r.action for r in report.status.recommendations or () if r.action)
    if actions:
        return actions
    return Refusal(
        Reason.NO_ACTION_KNOWN, f"the diagnosis recommends no action for {report.spec.signal} of this target"
    )


def propose(
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    *,
    requested_by: str,
    own_namespace: str,
    now: datetime,
    scene: Scene,
    memory: Memory = NOTHING_LEARNT,
    requests: Iterable[RemediationRequest] = (),
) -> RemediationRequest | Refusal:
    """Return the request that answers the report, to be created as it is, or why there is none.

    Args:
        monitor: with what is said of it now in its status, but for the outcomes.
        target: the report's workload as it is now; its uid and generation go into the plan.
        requested_by: our user name as the API server knows it; the gate compares it with the caller.
        own_namespace: the operator's, in which nothing is ever changed.
        scene: what is around the target; the guards are asked about it.
        memory: what became of past actions.
        requests: of the report's target; an action that a person or its effect has judged is proposed once in an
            episode.
    """
    asked = asked_in(report, requests)
    recommended = recommended_by(report)
    if isinstance(recommended, Refusal):
        return recommended
    monitor = _with_memory(monitor, memory)
    against_any = _against_any(report, monitor, target)
    withheld: list[Withheld] = []
    for action in ranked(memory, trouble_of_report(report), recommended):
        earlier = asked.get(action, ())
        if earlier and not may_be_asked_again(earlier[-1]):
            continue
        planned = _planned(action, report, monitor, target, memory, now, scene.place.can_resize)
        if isinstance(planned, Refusal):
            withheld.append(Withheld(action, (*against_any, planned)))
            continue
        proposal = request_for(
            planned,
            report,
            monitor,
            target,
            requested_by,
            now,
            withheld,
            number=(number_of(earlier[-1], report) or 0) + 1 if earlier else 1,
            after=standing(earlier[-1]) if earlier else None,
        )
        against = objections(proposal, report, monitor, target, scene, own_namespace=own_namespace, now=now)
        cooldown = parse_duration(monitor.spec.remediation.cooldown)
        if waiting := too_soon(earlier, report, cooldown, now):
            against = (waiting, *against)
        if not against_any and not against:
            return proposal
        withheld.append(Withheld(action, (*against_any, *against)))
        if is_waited_for(withheld[-1], report, now):
            break
    if not withheld:
        tried = ", ".join(sorted(asked))
        return Refusal(
            Reason.NO_ACTION_KNOWN,
            f"{tried} did not help, and nothing else is recommended: a person must look",
        )
    return summed(withheld)


def _with_memory(monitor: AnomalyMonitor, memory: Memory) -> AnomalyMonitor:
    """Return the monitor as its status will be written: guards read the outcomes there."""
    learnt = {"outcomes": memory.counts, "outcomes_forgotten_until": memory.forgotten_until}
    return monitor.model_copy(update={"status": monitor.status.model_copy(update=learnt)})


def _against_any(
    report: AnomalyReport, monitor: AnomalyMonitor, target: WorkloadState
) -> tuple[Refusal, ...]:
    """Return what speaks against any action beside the guards, which have a plan that was made already."""
    found = []
    probability, wanted = (
        report.status.probability_permille,
        monitor.spec.remediation.minimum_probability_permille,
    )
    if probability is not None and probability < wanted:
        found.append(
            Refusal(
                Reason.LOW_PROBABILITY,
                f"the finding's probability is {probability}‰, {wanted}‰ are asked for",
            )
        )
    if target.ref.uid != report.spec.target.uid:
        found.append(
            Refusal(Reason.STALE_TARGET, f"{target.ref} is not the object of the report: its uid differs")
        )
    return tuple(found)


def _planned(
    action: str,
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    memory: Memory,
    now: datetime,
    can_resize: bool,
) -> Planned | Refusal:
    """Return what one action would be proposed with, or why it is no question at all."""
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
    if refusal := _denied(action, report, rules, memory, now):
        return refusal
    parameters = parameters_for(action, report, target, can_resize=can_resize)
    return parameters if isinstance(parameters, Refusal) else (action, parameters)


def _denied(
    action: str, report: AnomalyReport, rules: RemediationSpec, memory: Memory, now: datetime
) -> Refusal | None:
    """Return a person's no to the action that is not forgotten yet."""
    count = memory.of(trouble_of_report(report), action)
    if count is None or count.last_denied_time is None:
        return None
    until = count.last_denied_time + parse_duration(rules.denial_memory)
    if now >= until:
        return None
    return Refusal(
        Reason.DENIED,
        f"a person said no to {action} at {count.last_denied_time:%Y-%m-%dT%H:%M:%SZ}; "
        f"it is not asked again until {until:%Y-%m-%dT%H:%M:%SZ}",
        until - now,
    )


Parameters = PlanParameters | None


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
    """Return the pod to evict when one of several replicas is in trouble; None: all are restarted.

    So it is with the only one of a StatefulSet that is not ready: its controller replaces no such pod by itself.
    """
    status, affected = report.status, report.status.affected_pods or ()
    pod = next((p for p in target.pods if p.name == affected[0]), None) if affected else None
    if status.pods_affected != 1 or pod is None or pod.finished or pod.deleting or not target.owns(pod):
        return None
    is_one_of_several = (status.pods_evaluated or 0) >= 2 and target.replicas >= 2
    is_stuck_alone = target.ref.kind == "StatefulSet" and target.replicas == 1 and not pod.ready
    if not (is_one_of_several or is_stuck_alone):
        return None
    return PlanParameters(pod=PodReference(name=pod.name, uid=pod.uid))
