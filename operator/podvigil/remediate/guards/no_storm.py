"""When much is in trouble at once, the cause lies elsewhere, and one change after the other makes it worse."""

import math
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.storm import storm_in

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
    storm = storm_in(ctx.plan.monitor, ctx.monitor.status) if ctx.monitor else None
    return Refusal(Reason.STORM, storm, LOOK_AGAIN) if storm else None
