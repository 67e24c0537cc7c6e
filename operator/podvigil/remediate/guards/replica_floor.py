"""A repair must not be the outage: some pods stay ready while others are taken away."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=15)


def replica_floor(ctx: Context, now: datetime) -> Refusal | None:
    """`minimumAvailable` pods stay ready at the worst moment of the change, if it takes ready pods away at all."""
    target, action = ctx.workload, ACTIONS.get(ctx.action)
    if target is None or action is None or ctx.rules is None:
        return None
    plan, floor = ctx.plan, ctx.rules.minimum_available
    left = target.ready - action.disruption(target, plan).at_once
    if left >= floor or left >= target.ready:
        return None
    # With all pods ready it may do; if not even then, no waiting helps.
    healthy = replace(target, ready=target.replicas)
    best = healthy.ready - action.disruption(healthy, plan).at_once
    return Refusal(
        Reason.REPLICA_FLOOR,
        f"{left} of {target.replicas} pods of {target.ref} would stay ready, now {target.ready} are: "
        f"{floor} must stay (minimumAvailable of AnomalyMonitor {plan.monitor})",
        LOOK_AGAIN if best >= floor else None,
    )
