"""Restart: replace all pods of a workload, a few at a time, as `kubectl rollout restart` does."""

from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import (
    TIME_LIMIT,
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    Undo,
    precondition,
    rehearse_patch,
    right_to_patch,
)
from podvigil.remediate.effect import Effect, Verdict
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validate import judge_workload

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""kubectl's own annotation, so that `kubectl rollout history` and people recognise what happened."""

TOKEN: Final = "podvigil.io/remediation"
"""UID of the request that restarted the workload: a repeated step finds it and does nothing."""


class Restart:
    """Changes an annotation of the pod template; the workload's own controller replaces the pods."""

    name: str = ActionName.RESTART
    reversibility = Reversibility.NOTHING_TO_UNDO

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """The annotations are in the pod template, which no subresource opens."""
        return (right_to_patch(target),)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
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

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Set the time of the restart, and whose it is."""
        return Change(
            before={"restartedAt": target.annotations.get(RESTARTED_AT, "")},
            after={"restartedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")},
            token=token,
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Every pod goes once."""
        at_once, pods = target.strategy.unavailable_at_once, target.replicas
        if target.strategy.kind == "Recreate":
            how = f"all {pods} pods stop before the first new one starts (Recreate)"
        elif at_once == 0:
            how = f"all {pods} pods are replaced, each only after its successor is ready"
        else:
            how = f"all {pods} pods are replaced, at most {at_once} unavailable at once"
        names = tuple(sorted(str(pod) for pod in target.pods if not pod.finished))
        return Disruption(pods, at_once, how, names)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """Nothing is left behind."""
        return "Nothing to undo: the pod template stays the same but for the annotation that restarts it."

    def time_limit(self, plan: Plan) -> timedelta:
        """One patch; the rollout that follows belongs to the validation."""
        return TIME_LIMIT

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The token in the pod template says that the change was made."""
        if target.annotations.get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """A restart cannot be taken back, and need not be."""
        return Undo.NOTHING

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the new pods."""
        target = effect.target
        at_once = target.strategy.unavailable_at_once if isinstance(target, WorkloadState) else 0
        return judge_workload(effect, at_once=at_once, replaces_pods=True, now=now)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the patch."""

        async def call(*, dry_run: bool) -> dict[str, Any]:
            return await _patch(cluster, target, change, dry_run=dry_run)

        return await rehearse_patch(cluster, target, call)

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Patch the pod template's annotations."""
        await _patch(cluster, target, change, dry_run=False)
        return Made()

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Never called: `undo` is always NOTHING."""
        raise AssertionError("a restart has nothing to undo")


async def _patch(cluster: Cluster, target: WorkloadState, change: Change, *, dry_run: bool) -> dict[str, Any]:
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
