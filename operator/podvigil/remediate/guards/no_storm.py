"""When much is in trouble at once, the cause lies elsewhere, and one change after the other makes it worse.

The share is that of Karpenter's node repair and of cluster-api's machine health checks: a fifth.
"""

import math
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.context import Context
from podvigil.remediate.refusal import Refusal

POD_SHARE: Final = 0.2
"""Of the monitor's pods in trouble."""

WORKLOADS: Final = 3
"""Fewer workloads in trouble are no storm, however many of the pods are theirs: with two services in a monitor,
one of them would always be half of all pods."""

NODES: Final = 2
NODE_SHARE: Final = 0.01
"""Of the nodes not ready, where that is more than two: in a cluster of 1,000 somewhere always two are not."""

LOOK_AGAIN: Final = timedelta(seconds=30)


def no_storm(ctx: Context, now: datetime) -> Refusal | None:
    """Neither a fifth of the pods nor a second node is in trouble."""
    around = ctx.surroundings
    target = ctx.plan.target.name if ctx.plan.target.kind == "Node" else None
    # Somebody looks after a cordoned node; the node that is to be changed counts all the same.
    unready = sorted(around.unready - (around.cordoned - {target}))
    if len(unready) >= max(NODES, math.ceil(NODE_SHARE * around.nodes)):
        named = ", ".join(unready[:5]) + (", …" if len(unready) > 5 else "")
        return Refusal(
            Reason.STORM, f"{len(unready)} of {around.nodes} nodes are not ready: {named}", LOOK_AGAIN
        )
    status = ctx.monitor.status if ctx.monitor else None
    if status is None or not status.pods_affected or (status.workloads_affected or 0) < WORKLOADS:
        return None
    watched = max(status.pods_watched or 0, status.pods_affected)
    if status.pods_affected < POD_SHARE * watched:
        return None
    return Refusal(
        Reason.STORM,
        f"{status.pods_affected} of {watched} pods of AnomalyMonitor {ctx.plan.monitor} are in trouble, in "
        f"{status.workloads_affected} workloads: look for what they have in common",
        LOOK_AGAIN,
    )
