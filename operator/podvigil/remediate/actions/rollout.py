"""What a change of a pod template does to the pods: asked by every action that changes one. Pure."""

from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.resources import STATEFULSETS
from podvigil.remediate.actions.base import Disruption
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState

PARALLEL: Final = "Parallel"
"""podManagementPolicy of a StatefulSet whose pods do not wait for each other."""

NAMED_MAX: Final = 5
"""Pods named in a message."""


def reaches_every_pod(target: WorkloadState) -> Refusal | None:
    """A rollout must follow from the new template at once, and replace all pods."""
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
    return _stuck_until_ready(target)


def _stuck_until_ready(target: WorkloadState) -> Refusal | None:
    """A StatefulSet that keeps its pods in order replaces none while one is not ready.

    Nothing would happen now, and all pods would be replaced later, when nobody watches. Source: the early returns of
    updateStatefulSet in pkg/controller/statefulset/stateful_set_control.go of Kubernetes.
    """
    if target.resource is not STATEFULSETS or target.body["spec"].get("podManagementPolicy") == PARALLEL:
        return None
    down = sorted(p.name for p in target.own_pods if not (p.ready or p.finished or p.deleting))
    if not down:
        return None
    named = ", ".join(down[:NAMED_MAX]) + (" and others" if len(down) > NAMED_MAX else "")
    return Refusal(
        Reason.UNSUPPORTED_TARGET,
        f"{target.ref} replaces no pod while one is not ready (podManagementPolicy OrderedReady), and {len(down)} are "
        f"not: {named}. A Restart with parameters.pod replaces such a pod alone",
    )


def replacement(target: WorkloadState) -> Disruption:
    """Every pod goes once."""
    away, pods = target.strategy.unavailable_at_once, target.replicas
    if target.strategy.kind == "Recreate":
        how = f"all {pods} pods stop before the first new one starts (Recreate)"
    elif away == 0:
        how = f"all {pods} pods are replaced, each only after its successor is ready"
    else:
        how = f"all {pods} pods are replaced, at most {away} unavailable at once"
    return Disruption(pods, taken_at_once(target), how, running_names(target))


def taken_at_once(target: WorkloadState) -> int:
    """Return how many ready pods a new template takes away at the same time, at the most.

    The controllers of Deployments and DaemonSets replace what is not ready first, and leave so many pods that no more
    than the strategy allows are away: what is down already is not taken again. A StatefulSet's goes by ordinal.
    """
    if target.strategy.kind == "Recreate":
        return target.ready
    away = target.strategy.unavailable_at_once
    if target.resource is STATEFULSETS:
        return min(away, target.ready)
    return min(away, max(0, target.ready - (target.replicas - away)))


def running_names(target: WorkloadState) -> tuple[str, ...]:
    """Return the names of the pods that have not finished, sorted."""
    return tuple(sorted(str(pod) for pod in target.own_pods if not pod.finished))
