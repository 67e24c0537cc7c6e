"""A PodDisruptionBudget is the owner's word on how many pods may be away."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=15)


def budget_allows(ctx: Context, now: datetime) -> Refusal | None:
    """Every budget has room for as many ready pods as the change takes away at once.

    Kubernetes asks budgets for evictions only; a rollout or a scale-down would pass them by. What is down already is
    counted in a budget, so a workload without a ready pod may be repaired however full its budget is.
    """
    action = ACTIONS.get(ctx.action)
    if ctx.workload is None or action is None:
        return None
    at_once = action.disruption(ctx.workload, ctx.plan).at_once
    full = [b for b in ctx.budgets if b.disruptions_allowed < at_once]
    if not full:
        return None
    room = ", ".join(f"{b.name} allows {b.disruptions_allowed}" for b in full)
    return Refusal(
        Reason.BUDGET_BLOCKS,
        f"up to {at_once} ready pods would be taken away at once; PodDisruptionBudget {room}",
        LOOK_AGAIN,
    )
