"""The action is there, can be applied to this target, and would change something."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)
"""An executor that has the action may be rolled out meanwhile."""


def change_needed(ctx: Context, now: datetime) -> Refusal | None:
    """What the action itself objects to."""
    action = ACTIONS.get(ctx.action)
    if action is None:
        return Refusal(
            Reason.ACTION_UNKNOWN,
            f"this executor has no action {ctx.action}: it has {', '.join(sorted(ACTIONS))}",
            LOOK_AGAIN,
        )
    return None if ctx.target is None else action.objection(ctx.target, ctx.plan)
