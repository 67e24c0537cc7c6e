"""Scale: set a workload's replica count through `/scale`; undone by putting the old count back."""

from typing import Any

from podvigil.api.reasons import Reason
from podvigil.api.request import PlanParameters, Reversibility
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import Change, Disruption, Progress, Undo, precondition
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets import TargetState


class Scale:
    """Writes `spec.replicas` and nothing else: the right to `/scale` does not open the pod template."""

    subresource: str | None = "scale"
    reversibility = Reversibility.REVERSIBLE

    def objection(self, target: TargetState, parameters: PlanParameters | None) -> Refusal | None:
        """The count must be a change."""
        if target.replicas == _wanted(parameters):
            return Refusal(Reason.NO_CHANGE, f"{target.ref} already has {target.replicas} replicas")
        return None

    def change(
        self, target: TargetState, parameters: PlanParameters | None, *, token: str, now: str
    ) -> Change:
        """Keep the old count beside the new one."""
        return Change(
            before={"replicas": str(target.replicas)},
            after={"replicas": str(_wanted(parameters))},
            token=token,
        )

    def disruption(self, target: TargetState, parameters: PlanParameters | None) -> Disruption:
        """Only scaling down disturbs pods, and all that go, go at once."""
        fewer = max(0, target.replicas - _wanted(parameters))
        how = f"{fewer} of {target.replicas} pods are removed" if fewer else "no running pod is disturbed"
        return Disruption(fewer, fewer, how)

    def way_back(self, target: TargetState) -> str:
        """The old count."""
        return f"The replica count is set back to {target.replicas}, while it is still the one set here."

    def progress(self, target: TargetState, generation: int, change: Change) -> Progress:
        """The count itself tells: /scale leaves no room for a token."""
        now = str(target.replicas)
        if now == change.after["replicas"]:
            return Progress.DONE
        # The generation too: a spec changed by someone else is not what was judged.
        same = now == change.before["replicas"] and target.generation == generation
        return Progress.DUE if same else Progress.FOREIGN

    def undo(self, target: TargetState, change: Change) -> Undo:
        """Only a value that is still ours."""
        now = str(target.replicas)
        if now == change.before["replicas"]:
            return Undo.DONE
        return Undo.DUE if now == change.after["replicas"] else Undo.NOT_OURS

    async def execute(
        self, cluster: Cluster, target: TargetState, change: Change, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Patch the new count."""
        return await self._set(cluster, target, int(change.after["replicas"]), dry_run=dry_run)

    async def rollback(self, cluster: Cluster, target: TargetState, change: Change) -> None:
        """Patch the old count."""
        await self._set(cluster, target, int(change.before["replicas"]), dry_run=False)

    async def _set(
        self, cluster: Cluster, target: TargetState, replicas: int, *, dry_run: bool
    ) -> dict[str, Any]:
        body = {"metadata": precondition(target), "spec": {"replicas": replicas}}
        return await cluster.patch(
            target.resource,
            target.ref.name,
            body,
            target.ref.namespace,
            subresource=self.subresource,
            kind=PatchKind.MERGE,
            dry_run=dry_run,
        )


def _wanted(parameters: PlanParameters | None) -> int:
    """Return the count of the plan; the API server refuses a Scale without one."""
    if parameters is None or parameters.replicas is None:
        raise ValueError("a Scale has parameters.replicas")
    return parameters.replicas
