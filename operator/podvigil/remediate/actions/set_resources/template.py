"""SetResources in the pod template, by server-side apply under a name of its own: the pods are replaced.

Whoever else owns a value keeps it: the apply is never forced, so the API server answers 409 with the owner's name.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster, PatchKind
from podvigil.cluster.errors import ClusterError, Conflict
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Progress,
    Rehearsal,
    Undo,
    precondition,
)
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.actions.rollout import reaches_every_pod, replacement
from podvigil.remediate.ownership.owners import Path, declared, is_owned_by_others, owned_by
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload
from podvigil.remediate.values.amounts import (
    LISTS,
    Json,
    amount,
    container_of,
    containers_of,
    list_of,
    pod_spec_of,
    qos_class,
)
from podvigil.remediate.values.container_values import (
    Values,
    asked,
    is_same,
    nested,
    present,
    wanted,
    with_values,
    written,
)

FIELD_MANAGER: Final = "podvigil-resources"
"""Beside our other writes, so that an apply owns these values alone and gives up nothing else."""

CONFLICT: Final = "FieldManagerConflict"


class Template(OnePatch[WorkloadState]):
    """Applies one container's values, beside those that we applied before."""

    name: str = ActionName.SET_RESOURCES
    reversibility = Reversibility.REVERSIBLE

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The values must be a change, and reach every pod."""
        if is_same(_present(target, plan), wanted(plan)):
            return Refusal(Reason.NO_CHANGE, f"{target.ref} has {written(wanted(plan))} already")
        return reaches_every_pod(target)

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep the old values beside the new ones."""
        return Change(before=_present(target, plan), after=wanted(plan), token=token)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """As a rollout does."""
        return replacement(target)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """The old values, by another rollout."""
        return (
            f"The pod template gets {written(_present(target, plan))} back, while it still has what is set here; the "
            "pods are replaced once more."
        )

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The values themselves tell."""
        now = _present(target, plan)
        if is_same(now, change.after):
            return Progress.DONE
        # The generation too: a template changed by someone else is not what was judged.
        same = is_same(now, change.before) and target.generation == plan.target.generation
        return Progress.DUE if same else Progress.FOREIGN

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """Only values that are still ours, and that nobody has put into a manifest since."""
        now = _present(target, plan)
        if is_same(now, change.before):
            return Undo.DONE
        is_ours = is_same(now, change.after) and not _is_adopted(target, plan, change)
        return Undo.DUE if is_ours else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the new pods."""
        target = effect.target
        at_once = target.strategy.unavailable_at_once if isinstance(target, WorkloadState) else 0
        return judge_workload(effect, at_once=at_once, replaces_pods=True, now=now)

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Apply the new values."""
        return await _apply(cluster, target, plan, change.after, dry_run=dry_run)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the apply; a value that somebody else owns is an objection with their name."""
        try:
            found = await super().rehearse(cluster, target, plan, change)
        except Conflict as error:
            if CONFLICT not in error.causes:
                raise
            return Rehearsal(refusals=(owned_elsewhere(target, error),))
        return Rehearsal(found.changes, found.refusals, _notes(target, plan))

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Apply the old values; one that was absent is left out, which takes ours away."""
        await _apply(cluster, target, plan, change.before, dry_run=False)


def owned_elsewhere(target: WorkloadState, error: ClusterError) -> Refusal:
    """Return the objection to taking a value from its owner; the causes name owners and fields."""
    causes = [c for c in error.details.get("causes") or () if c.get("reason") == CONFLICT]
    said = "; ".join(f"{c.get('field', '').lstrip('.')}: {c.get('message', '')}" for c in causes)
    return Refusal(
        Reason.OWNED_ELSEWHERE,
        f"values of {target.ref} are owned by others, and are never taken from them: {said}"[:1024],
    )


def applied(target: WorkloadState, container: str, values: Values) -> dict[str, Any]:
    """Return the body of the apply: these values, and those that we applied before to this or other containers.

    Whatever an applier leaves out it gives up, and a value with no other owner is then removed.
    """
    pod_spec = pod_spec_of(target.body)
    lists: dict[str, list[dict[str, Any]]] = {}
    for name in [c["name"] for c in containers_of(pod_spec)]:
        resources = _applied_before(target, name)
        if name == container:
            resources = _without(resources, values) | {}
            for kind, quantities in nested(values).items():
                resources[kind] = {**resources.get(kind, {}), **quantities}
        if resources := {kind: found for kind, found in resources.items() if found}:
            lists.setdefault(list_of(pod_spec, name), []).append({"name": name, "resources": resources})
    ref = target.ref
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace, **precondition(target)},
        "spec": {"template": {"spec": lists}},
    }


def _applied_before(target: WorkloadState, container: str) -> dict[str, dict[str, str]]:
    """Return a container's present values, as far as we own them."""
    pod_spec = pod_spec_of(target.body)
    owned = owned_by(target.body, FIELD_MANAGER, (*_path(target, container), "resources"))
    now: Mapping[str, Json] = (container_of(pod_spec, container) or {}).get("resources") or {}
    return {
        kind: {
            name: quantity
            for name, quantity in (now.get(kind) or {}).items()
            if f"f:{name}" in owned.get(f"f:{kind}", {})
        }
        for kind in LISTS
    }


def _without(resources: Mapping[str, Mapping[str, str]], values: Values) -> dict[str, dict[str, str]]:
    return {
        kind: {name: quantity for name, quantity in found.items() if f"{kind}.{name}" not in values}
        for kind, found in resources.items()
    }


def _is_adopted(target: WorkloadState, plan: Plan, change: Change) -> bool:
    """Return whether a value that was changed is another's too by now: when it was set here, it was ours alone."""
    where = (*_path(target, asked(plan).container), "resources")
    return any(
        is_owned_by_others(target.body, path) or _means(declared(target.body, path), value)
        for key, value in change.after.items()
        for path in [(*where, *key.split("."))]
        if not is_same({key: change.before[key]}, {key: value})  # the same value can have two owners
    )


def _means(written_there: str, value: str) -> bool:
    try:
        return amount(written_there) == amount(value)
    except ValueError:
        return False  # none, or no quantity


def _path(target: WorkloadState, container: str) -> Path:
    return ("spec", "template", "spec", list_of(pod_spec_of(target.body), container), f"[{container}]")


def _notes(target: WorkloadState, plan: Plan) -> tuple[str, ...]:
    pod_spec = pod_spec_of(target.body)
    before, then = (
        qos_class(pod_spec),
        qos_class(with_values(pod_spec, asked(plan).container, wanted(plan))),
    )
    return (f"The QoS class of the new pods is {then}, of the old ones {before}.",) if then != before else ()


def _present(target: WorkloadState, plan: Plan) -> dict[str, str]:
    return present(pod_spec_of(target.body), asked(plan).container, wanted(plan))


async def _apply(
    cluster: Cluster, target: WorkloadState, plan: Plan, values: Values, *, dry_run: bool
) -> dict[str, Any]:
    return await cluster.patch(
        target.resource,
        target.ref.name,
        applied(target, asked(plan).container, values),
        target.ref.namespace,
        kind=PatchKind.APPLY,
        dry_run=dry_run,
        field_manager=FIELD_MANAGER,
    )
