"""The yes was meant for now, not for some later state of the cluster."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def not_expired(ctx: Context, now: datetime) -> Refusal | None:
    """The plan's time has not run out; at the very second it has."""
    expires = ctx.plan.expires_at
    if now < expires:
        return None
    return Refusal(Reason.PLAN_EXPIRED, f"the plan expired at {expires:%Y-%m-%dT%H:%M:%SZ}")
