"""The action can be applied to this target, and would change something."""

from datetime import datetime

from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.context import Context
from podvigil.remediate.refusal import Refusal


def change_needed(ctx: Context, now: datetime) -> Refusal | None:
    """What the action itself objects to."""
    if ctx.target is None:
        return None
    return ACTIONS[ctx.action].objection(ctx.target, ctx.plan.parameters)
