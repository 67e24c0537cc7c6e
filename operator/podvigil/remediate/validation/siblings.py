"""What was not changed, for comparison: the other workloads of the namespace, and the same trouble in them. Pure.

A workload that we changed lately is no sibling: what happens to it may be our own doing, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from podvigil.api.conditions import ConditionStatus
from podvigil.api.report import ReportCondition, TargetReference
from podvigil.api.request import Siblings
from podvigil.remediate.targets.workload import workload_state

Json = Mapping[str, Any]

LATELY: Final = timedelta(hours=1)
"""A change of ours may show its effect for so long; the longest validation window is an hour."""

REPORTS_MAX: Final = 20
"""Bound of the list in the schema. A trouble that twenty others share is not one workload's anyhow."""


class WorkloadName(NamedTuple):
    """A workload within a namespace."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another workload of the namespace."""

    name: WorkloadName
    replicas: int
    """Wanted."""
    ready: int


@dataclass(frozen=True, slots=True)
class SameTrouble:
    """A report of the same signal about another workload."""

    report: str
    target: WorkloadName
    is_active: bool


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """A namespace at one moment, but for the target."""

    workloads: tuple[Neighbour, ...] = ()
    reports: tuple[SameTrouble, ...] = ()
    changed: Mapping[WorkloadName, datetime | None] | None = None
    """When we last changed a workload; None: a change of ours is under way."""

    def untouched(self, workload: WorkloadName, now: datetime) -> bool:
        """Return whether we have not changed it lately."""
        changed = self.changed or {}
        if workload not in changed:
            return True
        at = changed[workload]
        return at is not None and now - at > LATELY

    def changed_reports(self, now: datetime) -> frozenset[str]:
        """Return the reports of the same signal about workloads that we have changed lately."""
        return frozenset(r.report for r in self.reports if not self.untouched(r.target, now))


def siblings(around: Neighbourhood, now: datetime) -> Siblings:
    """Count the siblings as they are kept in a request's status."""
    others = [w for w in around.workloads if around.untouched(w.name, now)]
    reports = sorted(r.report for r in around.reports if r.is_active and around.untouched(r.target, now))
    return Siblings(
        workloads=len(others),
        replicas=sum(w.replicas for w in others),
        # More than wanted are ready while a rollout surges: that is no better than all.
        ready_replicas=sum(min(w.ready, w.replicas) for w in others),
        reports=tuple(reports[:REPORTS_MAX]),
    )


def neighbourhood(
    target: TargetReference, workloads: list[Json], reports: list[Json], requests: list[Json]
) -> Neighbourhood:
    """Read a namespace as the API server returned it."""
    own = WorkloadName(target.kind, target.name)
    others = []
    for body in workloads:
        name = WorkloadName(body["kind"], body["metadata"]["name"])
        if name != own:
            state = workload_state(body)
            others.append(Neighbour(name, state.replicas, state.ready))
    same = []
    for body in reports:
        about = WorkloadName(body["spec"]["target"]["kind"], body["spec"]["target"]["name"])
        if about != own:
            same.append(SameTrouble(body["metadata"]["name"], about, _is_active(body)))
    return Neighbourhood(tuple(others), tuple(same), _changed(requests))


def _is_active(report: Json) -> bool:
    conditions = (report.get("status") or {}).get("conditions") or ()
    return any(
        c["type"] == ReportCondition.ACTIVE.value and c["status"] == ConditionStatus.TRUE.value
        for c in conditions
    )


def _changed(requests: list[Json]) -> dict[WorkloadName, datetime | None]:
    changed: dict[WorkloadName, datetime | None] = {}
    for body in requests:
        status = body.get("status") or {}
        execution = status.get("execution")
        if not execution:
            continue
        target = body["spec"]["plan"]["target"]
        name = WorkloadName(target["kind"], target["name"])
        made = execution.get("finishedAt") or execution.get("stoppedAt")
        if made is None and "finishedAt" in status:
            continue  # claimed, and never made
        at = datetime.fromisoformat(made) if made else None
        before = changed.get(name, at)
        changed[name] = None if at is None or before is None else max(at, before)
    return changed
