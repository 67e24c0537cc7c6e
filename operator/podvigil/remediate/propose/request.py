"""The RemediationRequest that is created for a plan: its name, its owner, its words, its time. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode, RemediationSpec
from podvigil.api.names import request_name
from podvigil.api.parameters import PlanParameters
from podvigil.api.report import AnomalyReport
from podvigil.api.request import Plan, PlanTarget, RemediationRequest, ReportReference, RequestSpec
from podvigil.remediate.propose.withheld import Withheld
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.windows import next_opening, open_until

Planned = tuple[str, PlanParameters | None]
"""An action and what it needs to know."""


def request_for(
    planned: Planned,
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    requested_by: str,
    now: datetime,
    instead_of: Sequence[Withheld] = (),
    *,
    number: int = 1,
    after: str | None = None,
) -> RemediationRequest:
    """Return the request, to be created as it is.

    The name is made from the report, the action, the episode and the number: a second create is a 409.

    Args:
        requested_by: our user name as the API server knows it; the gate compares it with the caller.
        instead_of: more promising actions that cannot be had now; whoever decides is told.
        number: which of the episode's requests for this action it is, from 1.
        after: how the one before it ended; whoever decides is told.
    """
    action, parameters = planned
    rules, name = monitor.spec.remediation, report.metadata["name"]
    again = f". Asked again: {after}" if after else ""
    return RemediationRequest(
        metadata={
            # Without a beginning every report of this target would have one request, ever.
            "name": name_of(report, action, number)
            or request_name(name, action, now.strftime("%Y-%m-%dT%H:%M:%SZ")),
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
                message=f"{_why(report, target, action, parameters, instead_of)}{again}"[:1024],
                expires_at=_expiry(rules, now).replace(microsecond=0),
                validation_window=rules.validation_window,
                dry_run=rules.mode is RemediationMode.SUGGEST_AND_DRY_RUN,
            ),
        ),
    )


def name_of(report: AnomalyReport, action: str, number: int = 1) -> str | None:
    """Name the request of a number for an action in the present episode; None when the report has begun none."""
    if report.status.first_seen is None:
        return None
    episode = report.status.first_seen.strftime("%Y-%m-%dT%H:%M:%SZ")
    return request_name(report.metadata["name"], action, episode, number)


def _expiry(rules: RemediationSpec, now: datetime) -> datetime:
    """Return when the plan ends: after the time for a decision, and not before the next window could be used."""
    patience: timedelta = parse_duration(rules.approval_timeout)
    opening = next_opening(rules.maintenance_windows, now)
    if opening is None or open_until(rules.maintenance_windows, now) is not None:
        return now + patience
    start, end = opening
    return max(now + patience, min(start + patience, end))


def _why(
    report: AnomalyReport,
    target: WorkloadState,
    action: str,
    parameters: PlanParameters | None,
    instead_of: Sequence[Withheld],
) -> str:
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
    said = "".join(f". {withheld.reasons}" for withheld in instead_of)
    return f"{action} {what}: {finding}{said}"
