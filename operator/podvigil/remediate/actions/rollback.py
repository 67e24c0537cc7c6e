"""Rollback: put a Deployment's earlier pod template back, as `kubectl rollout undo` does.

Better than kubectl in three things: a revision that differs by a restart alone is passed over; annotations of the
Deployment that have come since are kept; and the patch carries the uid and resourceVersion that were judged.
Source: polymorphichelpers/rollback.go of k8s.io/kubectl.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Undo,
    precondition,
)
from podvigil.remediate.actions.earlier_revision import is_present, present_revision, revision_to_restore
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.actions.rollout import taken_at_once
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.revisions import CAUSE, Revision
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload

ALSO_REVERT: Final = (
    "Revert the change where its manifest is kept, too: whoever applies it again rolls it out again."
)


class Rollback(OnePatch[WorkloadState]):
    """Replaces the pod template by that of an earlier ReplicaSet; the Deployment's controller does the rest."""

    name: str = ActionName.ROLLBACK
    reversibility = Reversibility.REVERSIBLE

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """There must be another template to go back to."""
        wanted = revision_to_restore(target, _number(plan))
        return wanted if isinstance(wanted, Refusal) else None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep which ReplicaSet has the present template: its number changes, its name does not."""
        present, wanted = present_revision(target), revision_to_restore(target, _number(plan))
        if present is None or isinstance(wanted, Refusal):
            raise ValueError(f"{target.ref} has nothing to go back to: its objection says so before")
        return Change(before=_values(present), after=_values(wanted), token=token)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Pods of the wanted revision stay; what a broken rollout has taken away already is not taken again."""
        wanted = revision_to_restore(target, _number(plan))
        if isinstance(wanted, Refusal):
            return Disruption(0, 0, "no pod is disturbed")
        stay = {pod.uid for pod in target.pods if pod.owner is not None and pod.owner.uid == wanted.uid}
        names = tuple(sorted(str(p) for p in target.own_pods if p.uid not in stay and not p.finished))
        if target.strategy.kind == "Recreate":
            how = f"all {len(names)} pods stop before the first one of revision {wanted.number} starts (Recreate)"
            return Disruption(len(names), taken_at_once(target), how, names)
        away = target.strategy.unavailable_at_once
        how = f"{len(names)} pods are replaced by ones of revision {wanted.number}, "
        how += f"at most {away} unavailable at once" if away else "each only after its successor is ready"
        return Disruption(len(names), taken_at_once(target), how, names)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """The present template."""
        present = present_revision(target)
        return (
            f"The pod template of revision {present.number if present else '(none yet)'} is put back, "
            "while the one set here is still there."
        )

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The token on the Deployment says that the change was made."""
        if _annotations(target).get(TOKEN) == change.token:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """Only a template that is still the one put there."""
        before, after = (_named(target, values) for values in (change.before, change.after))
        if before is None:
            return Undo.NOT_OURS
        if is_present(target, before):
            return Undo.DONE
        return Undo.DUE if after is not None and is_present(target, after) else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the pods; those that the rollout had not replaced yet keep their restarts."""
        target, before = effect.target, effect.baseline
        at_once = target.strategy.unavailable_at_once if isinstance(target, WorkloadState) else 0
        all_new = before.updated_replicas >= before.replicas
        return judge_workload(effect, at_once=at_once, replaces_pods=all_new, now=now)

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Patch the template, the change-cause and the token."""
        wanted = _named(target, change.after)
        if wanted is None:
            raise ValueError(f"{_gone(change)}: whoever sends it has asked before")
        return await _patch(cluster, target, wanted, change.token, dry_run=dry_run)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the patch, and remind of the manifest."""
        if _named(target, change.after) is None:
            return Rehearsal()
        found = await super().rehearse(cluster, target, plan, change)
        return Rehearsal(found.changes, found.refusals, (*found.notes, ALSO_REVERT))

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Patch it, while its revision is kept."""
        if _named(target, change.after) is None:
            return Made(stop=Refusal(Reason.STALE_TARGET, _gone(change)))
        return await super().execute(cluster, target, plan, change)

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Patch the template of before."""
        before = _named(target, change.before)
        if before is not None:  # `undo` is DUE only while it is there
            await _patch(cluster, target, before, change.token, dry_run=False)


def _number(plan: Plan) -> int | None:
    return plan.parameters.revision if plan.parameters else None


def _values(revision: Revision) -> dict[str, str]:
    return {"revision": str(revision.number), "replicaSet": revision.replica_set}


def _named(target: WorkloadState, values: Mapping[str, str]) -> Revision | None:
    return next((r for r in target.revisions if r.replica_set == values["replicaSet"]), None)


def _gone(change: Change) -> str:
    return f"ReplicaSet {change.after['replicaSet']} with revision {change.after['revision']} is gone"


def _annotations(target: WorkloadState) -> Mapping[str, str]:
    found: Mapping[str, str] = target.body["metadata"].get("annotations") or {}
    return found


async def _patch(
    cluster: Cluster, target: WorkloadState, revision: Revision, token: str, *, dry_run: bool
) -> dict[str, Any]:
    """Replace the template as a whole: a merge would leave behind what the newer one added.

    The preconditions are values that are set, and not `test` operations: those answer 422, which reads like an
    invalid object, where these answer 409.
    """
    annotations = {**_annotations(target), TOKEN: token, CAUSE: revision.cause}
    if not revision.cause:
        del annotations[CAUSE]
    operations: list[dict[str, Any]] = [
        *({"op": "add", "path": f"/metadata/{k}", "value": v} for k, v in precondition(target).items()),
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
        {"op": "replace", "path": "/spec/template", "value": dict(revision.template)},
    ]
    return await cluster.patch(
        target.resource,
        target.ref.name,
        operations,
        target.ref.namespace,
        kind=PatchKind.JSON,
        dry_run=dry_run,
    )
