"""A bound on how much is changed in an hour: whatever goes wrong in a diagnosis goes wrong a few times only."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

HOUR: Final = timedelta(hours=1)


def hourly_budget(ctx: Context, now: datetime) -> Refusal | None:
    """Fewer changes than allowed were made under this monitor's rules in the hour before now.

    A change counts from its claim on, and also when it did not help. Requests are counted while they are there:
    `spec.reports.ttl` below an hour makes this forgetful.
    """
    if ctx.rules is None:
        return None
    allowed = ctx.rules.maximum_actions_per_hour
    ours = (ctx.namespace, ctx.request.metadata["name"])
    made = sorted(
        change.at
        for change in ctx.surroundings.changes
        if change.monitor == ctx.plan.monitor
        and (change.namespace, change.request) != ours
        and change.at > now - HOUR
    )
    if len(made) < allowed:
        return None
    room_at = made[len(made) - allowed] + HOUR
    return Refusal(
        Reason.HOURLY_BUDGET_SPENT,
        f"{len(made)} changes were made under AnomalyMonitor {ctx.plan.monitor} within the hour, "
        f"{allowed} are allowed (maximumActionsPerHour): there is room at {room_at:%Y-%m-%dT%H:%M:%SZ}",
        room_at - now,
    )
