"""An Argo Rollout restarts its pods when `spec.restartAt` has come; its template stays as it is.

An annotation of its template would begin a new canary. Source: rollout/restart.go of argoproj/argo-rollouts.
"""

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
from podvigil.remediate.actions.rollout import running_names
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.workload import WorkloadState

RESTART_AT: Final = "restartAt"


class ArgoRestart(OnePatch[WorkloadState]):
    """Sets the time, and an annotation of the Rollout's own that says whose restart it is."""

    replaces_all = True

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """A canary on its way is the guards' matter: it is a rollout that runs."""
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Set the time of the restart, and whose it is."""
        return Change(
            before={RESTART_AT: str(target.body["spec"].get(RESTART_AT) or "")},
            after={RESTART_AT: now.strftime("%Y-%m-%dT%H:%M:%SZ")},
            token=token,
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Every pod goes once, by eviction; what is down already is not taken again."""
        at_once, pods = target.strategy.unavailable_at_once, target.replicas
        how = f"all {pods} pods are evicted by Argo Rollouts, at most {at_once} unavailable at once"
        return Disruption(pods, min(at_once, target.ready), how, running_names(target))

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The token on the Rollout says that the change was made."""
        annotations = target.body["metadata"].get("annotations") or {}
        if annotations.get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Patch the Rollout."""
        body = {
            "metadata": {**precondition(target), "annotations": {TOKEN: change.token}},
            "spec": {RESTART_AT: change.after[RESTART_AT]},
        }
        return await cluster.patch(
            target.resource, target.ref.name, body, target.ref.namespace, dry_run=dry_run
        )
