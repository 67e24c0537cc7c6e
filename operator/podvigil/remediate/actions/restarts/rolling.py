"""The workload's own controller replaces all pods, a few at a time, as after `kubectl rollout restart`."""

from datetime import datetime
from typing import Any, Final

from podvigil.api.request import Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Progress,
    precondition,
)
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.actions.rollout import reaches_every_pod, replacement
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.workload import WorkloadState

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""kubectl's own annotation, so that `kubectl rollout history` and people recognise what happened."""


class Rolling(OnePatch[WorkloadState]):
    """Changes two annotations of the pod template: the time, and whose restart it is."""

    replaces_all = True

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The rollout must reach every pod."""
        return reaches_every_pod(target)

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Set the time of the restart, and whose it is."""
        return Change(
            before={"restartedAt": target.annotations.get(RESTARTED_AT, "")},
            after={"restartedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")},
            token=token,
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Every pod goes once."""
        return replacement(target)

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The token in the pod template says that the change was made."""
        if target.annotations.get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Patch the pod template's annotations."""
        annotations = {RESTARTED_AT: change.after["restartedAt"], TOKEN: change.token}
        body = {
            "metadata": precondition(target),
            "spec": {"template": {"metadata": {"annotations": annotations}}},
        }
        return await cluster.patch(
            target.resource, target.ref.name, body, target.ref.namespace, dry_run=dry_run
        )
