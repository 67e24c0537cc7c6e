"""There is something to change, and it is the very object that the plan was made for."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def target_exists(ctx: Context, now: datetime) -> Refusal | None:
    """Not deleted, nor about to be."""
    if ctx.target is None:
        return Refusal(Reason.TARGET_MISSING, f"{ctx.written()} does not exist")
    if ctx.target.deleting:
        return Refusal(Reason.TARGET_MISSING, f"{ctx.written()} is being deleted")
    return None
