"""A person can hold everything back with one field, or one annotation."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=30)


def not_paused(ctx: Context, now: datetime) -> Refusal | None:
    """Neither everything nor this monitor is paused."""
    return Refusal(Reason.PAUSED, ctx.paused, LOOK_AGAIN) if ctx.paused else None
