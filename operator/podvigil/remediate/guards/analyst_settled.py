"""First judgements are not acted on: after a start, or with another model, they may be about nothing."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

TICKS: Final = 3
"""Evaluations of the monitor: one may be read from a half-filled window, and two may be chance."""

LOOK_AGAIN: Final = timedelta(seconds=10)


def analyst_settled(ctx: Context, now: datetime) -> Refusal | None:
    """The analyst has evaluated the monitor a few times since it started or its model changed."""
    if ctx.monitor is None:
        return None
    ticks = ctx.monitor.status.ticks_since_change or 0
    if ticks >= TICKS:
        return None
    return Refusal(
        Reason.SETTLING,
        f"the analyst has evaluated AnomalyMonitor {ctx.plan.monitor} {ticks} times since it started or its "
        f"model changed, {TICKS} are asked for",
        LOOK_AGAIN,
    )
