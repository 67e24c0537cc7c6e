"""Changes are made at the times that people reserve for them."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.windows import next_opening, open_until

LOOK_AGAIN: Final = timedelta(minutes=1)
"""No window will open: only a person can mend the time zone."""


def maintenance_window(ctx: Context, now: datetime) -> Refusal | None:
    """A window of the monitor is open, or it has none."""
    windows = ctx.rules.maintenance_windows if ctx.rules else ()
    if not windows or open_until(windows, now) is not None:
        return None
    opening = next_opening(windows, now)
    name = f"AnomalyMonitor {ctx.plan.monitor}"
    if opening is None:
        zones = ", ".join(sorted({window.time_zone for window in windows}))
        return Refusal(
            Reason.OUTSIDE_MAINTENANCE_WINDOW,
            f"no maintenance window of {name} ever opens: time zone {zones} is not known here",
            LOOK_AGAIN,
        )
    start, end = opening
    return Refusal(
        Reason.OUTSIDE_MAINTENANCE_WINDOW,
        f"{name} allows changes in its maintenance windows: the next is from {start:%Y-%m-%dT%H:%M:%SZ} "
        f"to {end:%Y-%m-%dT%H:%M:%SZ}",
        start - now,
    )
