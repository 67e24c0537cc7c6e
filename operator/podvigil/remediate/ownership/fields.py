"""The fields that an action would write, each with its old and new value: what owners are asked about. Pure."""

from dataclasses import dataclass

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.request import Plan
from podvigil.api.resources import ROLLOUTS
from podvigil.remediate.actions.earlier_revision import revision_to_restore
from podvigil.remediate.actions.restarts.argo import RESTART_AT
from podvigil.remediate.actions.restarts.rolling import RESTARTED_AT
from podvigil.remediate.ownership.owners import Path
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.revisions import without_hash
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.amounts import list_of, pod_spec_of
from podvigil.remediate.values.container_values import asked, is_same, present, wanted
from podvigil.remediate.values.differences import differences

TEMPLATE: Path = ("spec", "template")
ANNOTATIONS: Path = (*TEMPLATE, "metadata", "annotations")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, and what would become of it."""

    path: Path
    old: str = ""
    new: str = ""
    is_kept: bool = False
    """Whether the change is meant to stay, so that it belongs into the manifest too."""
    parts: tuple[str, ...] = ()
    """What becomes of its parts, `path: old → new`, where it is more than a value."""

    def __str__(self) -> str:
        return ".".join(self.path).replace(".[", "[")

    def diff(self) -> str:
        """Return what to put into a manifest; empty when the change is in none."""
        if self.parts:
            return "; ".join(self.parts)
        return f"{self}: {self.old or '(none)'} → {self.new}" if self.is_kept else ""


def written_by(plan: Plan, target: WorkloadState) -> tuple[Field, ...]:
    """Return the fields of the target that the plan's action writes; none for those that only touch its pods."""
    match plan.action:
        case ActionName.SCALE:
            new = plan.parameters.replicas if plan.parameters else None
            return (Field(("spec", "replicas"), str(target.replicas), str(new), is_kept=True),)
        case ActionName.RESTART if plan.parameters is None or plan.parameters.pod is None:
            is_argo = target.resource is ROLLOUTS
            return (Field(("spec", RESTART_AT)) if is_argo else Field((*ANNOTATIONS, RESTARTED_AT)),)
        case ActionName.ROLLBACK:
            return (Field(TEMPLATE, parts=_restored(plan, target)),)
        case ActionName.SET_RESOURCES if asked(plan).method is ResourceMethod.TEMPLATE:
            return resource_fields(plan, target)
    return ()


def _restored(plan: Plan, target: WorkloadState) -> tuple[str, ...]:
    """Return what a rollback changes in the template; whoever keeps the manifest makes the same change there."""
    wanted_back = revision_to_restore(target, plan.parameters.revision if plan.parameters else None)
    if isinstance(wanted_back, Refusal):
        return ()
    present_one = without_hash(target.body["spec"]["template"])
    return differences({"spec": {"template": present_one}}, {"spec": {"template": wanted_back.template}})


def resource_fields(plan: Plan, target: WorkloadState) -> tuple[Field, ...]:
    """Return the fields of the pod template that differ from what the plan sets, whether or not it writes them."""
    pod_spec, container, after = pod_spec_of(target.body), asked(plan).container, wanted(plan)
    old = present(pod_spec, container, after)
    where = (*TEMPLATE, "spec", list_of(pod_spec, container), f"[{container}]", "resources")
    return tuple(
        Field((*where, *key.split(".")), old[key], value, is_kept=True)
        for key, value in after.items()
        if not is_same({key: old[key]}, {key: value})  # the same value can have two owners
    )
