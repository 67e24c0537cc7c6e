"""A person can hold everything back with one field."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=30)


def not_paused(ctx: Context, now: datetime) -> Refusal | None:
    """The monitor is not paused."""
    if ctx.rules is None or not ctx.rules.paused:
        return None
    return Refusal(Reason.PAUSED, f"AnomalyMonitor {ctx.plan.monitor} has remediation.paused set", LOOK_AGAIN)
