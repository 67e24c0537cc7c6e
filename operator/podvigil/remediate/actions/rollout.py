"""What a change of a pod template does to the pods: asked by every action that changes one. Pure."""

from podvigil.api.reasons import Reason
from podvigil.remediate.actions.base import Disruption
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState


def reaches_every_pod(target: WorkloadState) -> Refusal | None:
    """A rollout must follow from the new template, and replace all pods."""
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
            "pods below it would not be replaced",
        )
    return None


def replacement(target: WorkloadState) -> Disruption:
    """Every pod goes once."""
    at_once, pods = target.strategy.unavailable_at_once, target.replicas
    if target.strategy.kind == "Recreate":
        how = f"all {pods} pods stop before the first new one starts (Recreate)"
    elif at_once == 0:
        how = f"all {pods} pods are replaced, each only after its successor is ready"
    else:
        how = f"all {pods} pods are replaced, at most {at_once} unavailable at once"
    return Disruption(pods, at_once, how, running_names(target))


def running_names(target: WorkloadState) -> tuple[str, ...]:
    """Return the names of the pods that have not finished, sorted."""
    return tuple(sorted(str(pod) for pod in target.pods if not pod.finished))
