"""A repair must not be the outage: some pods stay ready while others are taken away."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState

LOOK_AGAIN: Final = timedelta(seconds=15)


def replica_floor(ctx: Context, now: datetime) -> Refusal | None:
    """`minimumAvailable` pods stay ready at the worst moment of the change, if it takes ready pods away at all."""
    target, action = ctx.workload, ACTIONS.get(ctx.action)
    if target is None or action is None or ctx.rules is None:
        return None
    at_once, floor = action.disruption(target, ctx.plan).at_once, ctx.rules.minimum_available
    left = _ready_at_worst(ctx, target, target.ready, at_once)
    if left >= floor or left >= target.ready:
        return None
    # With all pods ready it may do; if not even then, no waiting helps.
    best = _ready_at_worst(ctx, target, target.replicas, at_once)
    return Refusal(
        Reason.REPLICA_FLOOR,
        f"{left} of {target.replicas} pods of {target.ref} would stay ready, now {target.ready} are: "
        f"{floor} must stay (minimumAvailable of AnomalyMonitor {ctx.plan.monitor})",
        LOOK_AGAIN if best >= floor else None,
    )


def _ready_at_worst(ctx: Context, target: WorkloadState, ready: int, at_once: int) -> int:
    """Return how many of the ready pods are left when `at_once` are away.

    The controllers of Deployments and DaemonSets, and a ReplicaSet that shrinks, take pods that are not ready
    first. A StatefulSet goes by ordinal, and an eviction takes the pod that was named.
    """
    is_eviction = ctx.plan.parameters is not None and ctx.plan.parameters.pod is not None
    if is_eviction or target.ref.kind == "StatefulSet":
        return max(0, ready - at_once)
    return min(ready, max(0, target.replicas - at_once))
