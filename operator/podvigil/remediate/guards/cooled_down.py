"""A target that was just changed is left alone, so that one change shows its effect before the next."""

from datetime import datetime

from podvigil.api.durations import parse_duration
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def cooled_down(ctx: Context, now: datetime) -> Refusal | None:
    """No change of ours within the cooldown, whichever request made it."""
    last = max((other.changed_at for other in ctx.others if other.changed_at), default=None)
    if last is None or ctx.rules is None:
        return None
    until = last + parse_duration(ctx.rules.cooldown)
    if now >= until:
        return None
    return Refusal(
        Reason.COOLDOWN,
        f"{ctx.written()} was changed at {last:%Y-%m-%dT%H:%M:%SZ}: it is left alone until {until:%Y-%m-%dT%H:%M:%SZ}",
        until - now,
    )
