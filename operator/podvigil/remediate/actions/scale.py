"""Scale: set a workload's replica count through `/scale`; undone by putting the old count back."""

from datetime import datetime
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.api.resources import STATEFULSETS
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Progress,
    Undo,
    Values,
    precondition,
)
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.ownership.owners import declared, is_owned_by_others
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload

SUBRESOURCE: Final = "scale"
REPLICAS: Final = ("spec", "replicas")


class Scale(OnePatch[WorkloadState]):
    """Writes `spec.replicas` and nothing else: the right to `/scale` does not open the pod template."""

    name: str = ActionName.SCALE
    reversibility = Reversibility.REVERSIBLE
    subresource = SUBRESOURCE

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The count must be a change."""
        if target.replicas == _wanted(plan):
            return Refusal(Reason.NO_CHANGE, f"{target.ref} already has {target.replicas} replicas")
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep the old count beside the new one."""
        return Change(
            before={"replicas": str(target.replicas)},
            after={"replicas": str(_wanted(plan))},
            token=token,
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Only scaling down disturbs pods, and all that go, go at once; a ReplicaSet takes those not ready first."""
        fewer = max(0, target.replicas - _wanted(plan))
        by_ordinal = target.resource is STATEFULSETS
        taken = (
            min(fewer, target.ready) if by_ordinal else max(0, target.ready - _wanted(plan)) if fewer else 0
        )
        how = f"{fewer} of {target.replicas} pods are removed" if fewer else "no running pod is disturbed"
        return Disruption(fewer, taken, how)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """The old count."""
        return f"The replica count is set back to {target.replicas}, while it is still the one set here."

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The count itself tells: /scale leaves no room for a token."""
        now = str(target.replicas)
        if now == change.after["replicas"]:
            return Progress.DONE
        # The generation too: a spec changed by someone else is not what was judged.
        same = now == change.before["replicas"] and target.generation == plan.target.generation
        return Progress.DUE if same else Progress.FOREIGN

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """Only a value that is still ours, and that nobody has put into a manifest since."""
        now = str(target.replicas)
        if now == change.before["replicas"]:
            return Undo.DONE
        is_adopted = is_owned_by_others(target.body, REPLICAS) or declared(target.body, REPLICAS) == now
        return Undo.DUE if now == change.after["replicas"] and not is_adopted else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the pods; those taken away are not wanted any more."""
        return judge_workload(effect, at_once=0, replaces_pods=False, now=now)

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Set the new count."""
        return await _set(cluster, target, change.after, dry_run=dry_run)

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Patch the old count."""
        await _set(cluster, target, change.before, dry_run=False)


async def _set(cluster: Cluster, target: WorkloadState, values: Values, *, dry_run: bool) -> dict[str, Any]:
    body = {"metadata": precondition(target), "spec": {"replicas": int(values["replicas"])}}
    return await cluster.patch(
        target.resource,
        target.ref.name,
        body,
        target.ref.namespace,
        subresource=SUBRESOURCE,
        kind=PatchKind.MERGE,
        dry_run=dry_run,
    )


def _wanted(plan: Plan) -> int:
    """Return the count of the plan; the API server refuses a Scale without one."""
    if plan.parameters is None or plan.parameters.replicas is None:
        raise ValueError("a Scale has parameters.replicas")
    return plan.parameters.replicas
