"""The workload's own controller replaces all pods, a few at a time, as after `kubectl rollout restart`."""

from datetime import datetime
from typing import Any, Final

from podvigil.api.reasons import Reason
from podvigil.api.request import Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    precondition,
    rehearse_patch,
    right_to_patch,
)
from podvigil.remediate.actions.restarts.way import running_names
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.workload import WorkloadState

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""kubectl's own annotation, so that `kubectl rollout history` and people recognise what happened."""


class Rolling:
    """Changes two annotations of the pod template: the time, and whose restart it is."""

    replaces_all = True

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """The annotations are in the pod template, which no subresource opens."""
        return (right_to_patch(target),)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The rollout must reach every pod."""
        if target.strategy.partition > 0:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has a rolling update partition of {target.strategy.partition}: "
                "pods below it would not restart",
            )
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
        return Disruption(pods, at_once, replaced_in_turn(target), running_names(target))

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The token in the pod template says that the change was made."""
        if target.annotations.get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

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


def replaced_in_turn(target: WorkloadState) -> str:
    """Say for a person how the controller replaces all pods."""
    at_once, pods = target.strategy.unavailable_at_once, target.replicas
    if target.strategy.kind == "Recreate":
        return f"all {pods} pods stop before the first new one starts (Recreate)"
    if at_once == 0:
        return f"all {pods} pods are replaced, each only after its successor is ready"
    return f"all {pods} pods are replaced, at most {at_once} unavailable at once"


async def _patch(cluster: Cluster, target: WorkloadState, change: Change, *, dry_run: bool) -> dict[str, Any]:
    annotations = {RESTARTED_AT: change.after["restartedAt"], TOKEN: change.token}
    body = {
        "metadata": precondition(target),
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }
    return await cluster.patch(target.resource, target.ref.name, body, target.ref.namespace, dry_run=dry_run)
