"""SetResources by its two methods: InPlace for now, Template for good. What they share is asked here, once."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    TIME_LIMIT,
    Action,
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    Undo,
)
from podvigil.remediate.actions.set_resources.in_place import InPlace
from podvigil.remediate.actions.set_resources.template import Template
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.values.amounts import container_of, containers_of, pod_spec_of
from podvigil.remediate.values.container_values import asked

METHODS: Final[dict[ResourceMethod, Action[WorkloadState]]] = {
    ResourceMethod.IN_PLACE: InPlace(),
    ResourceMethod.TEMPLATE: Template(),
}


class SetResources:
    """Does what the plan's method does."""

    name: str = ActionName.SET_RESOURCES
    reversibility = Reversibility.REVERSIBLE

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """Pods or template."""
        return _method(plan).rights(target, plan)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The container must be there."""
        pod_spec, name = pod_spec_of(target.body), asked(plan).container
        if container_of(pod_spec, name) is None:
            known = ", ".join(c["name"] for c in containers_of(pod_spec))
            return Refusal(
                Reason.UNSUPPORTED_TARGET, f"{target.ref} has no container {name} to set: it has {known}"
            )
        return _method(plan).objection(target, plan)

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Old and new values."""
        return _method(plan).change(target, plan, token=token, now=now)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Containers may restart, or pods be replaced."""
        return _method(plan).disruption(target, plan)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """The old values."""
        return _method(plan).way_back(target, plan)

    def time_limit(self, plan: Plan) -> timedelta:
        """As long for many pods as for one patch: a node that has no room for so long has none."""
        return TIME_LIMIT

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """Seen from the pods, or from the template."""
        return _method(plan).progress(target, plan, change)

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """Only values that are still ours."""
        return _method(plan).undo(target, plan, change)

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the pods."""
        return _method(effect.plan).judge(effect, now=now)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the very patches."""
        return await _method(plan).rehearse(cluster, target, plan, change)

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Resize some pods, or apply the template."""
        return await _method(plan).execute(cluster, target, plan, change)

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Put the old values back."""
        await _method(plan).rollback(cluster, target, plan, change)


def _method(plan: Plan) -> Action[WorkloadState]:
    return METHODS[asked(plan).method]
