"""Restart: replace all pods of a workload, a few at a time, as `kubectl rollout restart` does."""

from typing import Any, Final

from podvigil.api.reasons import Reason
from podvigil.api.request import PlanParameters, Reversibility
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import Change, Disruption, Progress, Undo, precondition
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets import TargetState

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""kubectl's own annotation, so that `kubectl rollout history` and people recognise what happened."""

TOKEN: Final = "podvigil.io/remediation"
"""UID of the request that restarted the workload: a repeated step finds it and does nothing."""


class Restart:
    """Changes an annotation of the pod template; the workload's own controller replaces the pods."""

    subresource: str | None = None
    reversibility = Reversibility.NOTHING_TO_UNDO

    def objection(self, target: TargetState, parameters: PlanParameters | None) -> Refusal | None:
        """A rollout must follow from the annotation, and reach every pod."""
        strategy = target.strategy
        if strategy.kind == "OnDelete":
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has the update strategy OnDelete: it replaces a pod only when someone deletes it",
            )
        if strategy.partition > 0:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has a rolling update partition of {strategy.partition}: "
                "pods below it would not restart",
            )
        if target.replicas == 0:
            return Refusal(Reason.NO_CHANGE, f"{target.ref} has no pods to restart: 0 replicas are wanted")
        return None

    def change(
        self, target: TargetState, parameters: PlanParameters | None, *, token: str, now: str
    ) -> Change:
        """Set the time of the restart, and whose it is."""
        return Change(
            before={"restartedAt": target.annotations.get(RESTARTED_AT, "")},
            after={"restartedAt": now},
            token=token,
        )

    def disruption(self, target: TargetState, parameters: PlanParameters | None) -> Disruption:
        """Every pod goes once."""
        at_once, pods = target.strategy.unavailable_at_once, target.replicas
        if target.strategy.kind == "Recreate":
            how = f"all {pods} pods stop before the first new one starts (Recreate)"
        elif at_once == 0:
            how = f"all {pods} pods are replaced, each only after its successor is ready"
        else:
            how = f"all {pods} pods are replaced, at most {at_once} unavailable at once"
        return Disruption(pods, at_once, how)

    def way_back(self, target: TargetState) -> str:
        """Nothing is left behind."""
        return "Nothing to undo: the pod template stays the same but for the annotation that restarts it."

    def progress(self, target: TargetState, generation: int, change: Change) -> Progress:
        """The token in the pod template says that the change was made."""
        if target.annotations.get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == generation else Progress.FOREIGN

    def undo(self, target: TargetState, change: Change) -> Undo:
        """A restart cannot be taken back, and need not be."""
        return Undo.NOTHING

    async def execute(
        self, cluster: Cluster, target: TargetState, change: Change, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Patch the pod template's annotations."""
        annotations = {RESTARTED_AT: change.after["restartedAt"], TOKEN: change.token}
        body = {
            "metadata": precondition(target),
            "spec": {"template": {"metadata": {"annotations": annotations}}},
        }
        return await cluster.patch(
            target.resource,
            target.ref.name,
            body,
            target.ref.namespace,
            kind=PatchKind.MERGE,
            dry_run=dry_run,
        )

    async def rollback(self, cluster: Cluster, target: TargetState, change: Change) -> None:
        """Never called: `undo` is always NOTHING."""
        raise AssertionError("a restart has nothing to undo")
