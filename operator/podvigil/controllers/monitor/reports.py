"""What an AnomalyReport says of an incident. Pure: an incident and the time in, a status out."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from podvigil.api.conditions import ConditionStatus, set_condition
from podvigil.api.durations import write_about
from podvigil.api.features import written
from podvigil.api.names import report_name
from podvigil.api.pods import Workload
from podvigil.api.reasons import Reason
from podvigil.api.report import (
    PODS_LISTED_MAX,
    AnomalyReport,
    Contribution,
    Diagnosis,
    Recommendation,
    ReportCondition,
    ReportSpec,
    ReportStatus,
    TargetReference,
    TimeToLimit,
)
from podvigil.detect.explain import FeatureShare
from podvigil.detect.findings import Finding
from podvigil.detect.incidents import Incident
from podvigil.diagnose.rules import Facts, diagnose, facts_of, first_at_limit
from podvigil.diagnose.severity import severity
from podvigil.remediate.propose.episode import Answer
from podvigil.remediate.refusal import Refusal

_EVIDENCE_LENGTH: Final = 256
MONITOR_LABEL: Final = "podvigil.io/monitor"
"""Lets `kubectl get anom -l` and our own resync find one monitor's reports."""


def label_of(monitor: str) -> str:
    """Return the value of `MONITOR_LABEL`, which holds 63 characters where a name may have 253."""
    return monitor[:63].rstrip("-.")


def name_of(monitor: str, workload: Workload, signal: str) -> str:
    """Name the report about this signal of this workload."""
    return report_name(
        monitor, workload.api_version, workload.kind, workload.namespace, workload.name, signal
    )


def new_report(incident: Incident, monitor: str) -> AnomalyReport:
    """Return the object to create for an incident; its status is written after it."""
    workload = incident.workload
    return AnomalyReport(
        metadata={
            "name": name_of(monitor, workload, incident.signal.value),
            "namespace": workload.namespace,
            "labels": {MONITOR_LABEL: label_of(monitor)},
        },
        spec=ReportSpec(
            monitor=monitor,
            target=TargetReference(
                api_version=workload.api_version, kind=workload.kind, name=workload.name, uid=workload.uid
            ),
            signal=incident.signal,
        ),
    )


def active_status(
    incident: Incident, before: ReportStatus, *, threshold: float | None, now: datetime
) -> ReportStatus:
    """Return the status of a trouble that is there at `now`; what it was before keeps the history."""
    facts = facts_of(incident)
    worst = incident.findings[0] if incident.findings else None
    new_episode = before.first_seen is None or before.first_seen != _second(incident.since)
    conditions = set_condition(
        # Another episode is answered anew: what was proposed for the last one says nothing of it.
        (c for c in before.conditions if not (new_episode and c.type == ReportCondition.PROPOSED.value)),
        ReportCondition.ACTIVE.value,
        True,
        Reason.ANOMALY_OBSERVED,
        f"{facts.pods_affected} of {facts.pods_evaluated} pods are in trouble since "
        f"{incident.since:%H:%M:%S} UTC"
        if incident.findings
        else "just below the threshold; not over yet",
        now=now,
        generation=1,
    )
    common: dict[str, Any] = {
        "conditions": conditions,
        "first_seen": _second(incident.since),
        "last_seen": _second(incident.last_seen),
        "last_evaluated": _second(incident.last_evaluated),
        "count": (before.count or 0) + (1 if new_episode else 0),
        "pods_affected": facts.pods_affected,
        "pods_evaluated": facts.pods_evaluated,
        "threshold_milli": _milli(threshold),
        "request": None if new_episode else before.request,
    }
    if worst is None:  # between two findings: the last explanation stands
        return before.model_copy(update=common | {"affected_pods": None} | _nothing_foretold(before))
    explained, left = diagnose(facts), time_to_limit(incident.findings)
    common["conditions"] = set_condition(
        conditions,
        ReportCondition.EXPLAINED.value,
        explained is not None,
        Reason.RULE_MATCHED if explained else Reason.NO_RULE_MATCHED,
        explained.message if explained else "No rule explains this signal: read the explanation",
        now=now,
        generation=1,
    )
    return ReportStatus(
        **common,
        severity=severity(facts, worst.probability),
        summary=summary(facts) + (f"; {left}" if left else ""),
        time_to_limit=left,
        score_milli=_milli(worst.score),
        probability_permille=_permille(worst.probability),
        affected_pods=tuple(dict.fromkeys(f.pod.name for f in incident.findings))[:PODS_LISTED_MAX],
        explanation=contributions(worst.explanation) or None,
        diagnosis=Diagnosis(
            cause=explained.cause,
            message=explained.message,
            evidence=tuple(e[:_EVIDENCE_LENGTH] for e in explained.evidence)[:10],
        )
        if explained
        else None,
        recommendations=tuple(Recommendation(action=a, message=m) for a, m in explained.advice)[:5]
        if explained
        else None,
    )


def closed_status(
    incident: Incident, before: ReportStatus, *, reason: Reason, message: str, now: datetime
) -> ReportStatus:
    """Return the status of a trouble that is over."""
    conditions = set_condition(
        before.conditions, ReportCondition.ACTIVE.value, False, reason, message, now=now, generation=1
    )
    return before.model_copy(
        update={
            "conditions": conditions,
            "last_seen": _second(incident.last_seen),
            "last_evaluated": _second(incident.last_evaluated),
            "pods_affected": 0,
            "pods_evaluated": incident.evaluated,
            "affected_pods": None,
        }
        | _nothing_foretold(before)
    )


def proposed_status(before: ReportStatus, verdict: Answer | Refusal, *, now: datetime) -> ReportStatus:
    """Return the status that says which request answers the report and how it stands, or why none does."""
    if isinstance(verdict, Refusal):
        is_proposed, reason, message = False, verdict.reason, verdict.message
    else:
        is_proposed, reason, message = True, Reason.REQUEST_PROPOSED, verdict.message
    conditions = set_condition(
        before.conditions,
        ReportCondition.PROPOSED.value,
        is_proposed,
        reason,
        message,
        now=now,
        generation=1,
    )
    request = verdict.request if isinstance(verdict, Answer) else before.request
    return before.model_copy(update={"conditions": conditions, "request": request})


def unseen_status(before: ReportStatus, message: str, *, now: datetime) -> ReportStatus:
    """Return the status of a trouble about which nothing is known any more; `lastEvaluated` stays old."""
    conditions = set_condition(
        before.conditions,
        ReportCondition.ACTIVE.value,
        ConditionStatus.UNKNOWN,
        Reason.NOT_EVALUATED,
        message,
        now=now,
        generation=1,
    )
    return before.model_copy(update={"conditions": conditions} | _nothing_foretold(before))


def summary(facts: Facts) -> str:
    """Say the finding in one sentence, the leading number first."""
    where = f"in {facts.pods_affected} of {facts.pods_evaluated} pods of {facts.workload}"
    if facts.explanation:
        lead = facts.explanation[0]
        return (
            f"{lead.feature.value} {written(lead.feature, lead.observed)}, expected "
            f"{written(lead.feature, lead.expected)}, {where}"
        )
    return f"{facts.signal.value} {where}: {'; '.join(facts.evidence)}"


def time_to_limit(findings: Iterable[Finding]) -> TimeToLimit | None:
    """Write when the first of the pods reaches its limit."""
    first = first_at_limit(findings)
    if first is None or first.forecast is None:
        return None
    foretold = first.forecast
    return TimeToLimit(
        feature=foretold.feature,
        pod=first.pod.name,
        limit=written(foretold.feature, foretold.limit),
        estimate=write_about(foretold.estimate),
        earliest=write_about(foretold.earliest),
        latest=write_about(foretold.latest),
    )


def _nothing_foretold(before: ReportStatus) -> dict[str, Any]:
    """Return the change that takes a forecast back: a countdown that nobody updates would be wrong."""
    if before.time_to_limit is None:
        return {}
    said = (before.summary or "").removesuffix(f"; {before.time_to_limit}")
    return {"time_to_limit": None, "summary": said or None}


def contributions(explanation: tuple[FeatureShare, ...]) -> tuple[Contribution, ...]:
    """Write the shares as permille that add up to exactly 1000 over what is shown."""
    total = math.fsum(s.share for s in explanation)
    if not total:
        return ()
    exact = [1000 * s.share / total for s in explanation]
    whole = [math.floor(e) for e in exact]
    # The largest remainders get what rounding down left over.
    for index in sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])[: 1000 - sum(whole)]:
        whole[index] += 1
    return tuple(
        Contribution(
            feature=s.feature,
            observed=written(s.feature, s.observed),
            expected=written(s.feature, s.expected),
            expected_range=f"{written(s.feature, s.low)} to {written(s.feature, s.high)}",
            share_permille=share,
        )
        for s, share in zip(explanation, whole, strict=True)
    )


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _milli(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else round(1000 * value)


def _permille(value: float) -> int | None:
    return round(1000 * min(max(value, 0.0), 1.0)) if math.isfinite(value) else None
