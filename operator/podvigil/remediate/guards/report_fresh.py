"""When we cannot see, the answer is no: an old report is not a finding."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.context import Context
from podvigil.remediate.refusal import Refusal

INTERVALS: Final = 3
"""Ticks of the analyst that may fall out."""

AT_LEAST: Final = timedelta(minutes=2)
"""Reports are written at a bounded rate, and an analyst needs a moment to restart."""

LOOK_AGAIN: Final = timedelta(seconds=10)


def freshness(interval_seconds: float) -> timedelta:
    """Return how old a report's last evaluation may be."""
    return max(timedelta(seconds=INTERVALS * interval_seconds), AT_LEAST)


def report_fresh(ctx: Context, now: datetime) -> Refusal | None:
    """Evaluated lately."""
    if ctx.report is None:
        return None
    evaluated, allowed = ctx.report.status.last_evaluated, freshness(ctx.interval_seconds)
    name = f"AnomalyReport {ctx.namespace}/{ctx.plan.report.name}"
    if evaluated is None:
        return Refusal(Reason.REPORT_STALE, f"{name} was never evaluated", LOOK_AGAIN)
    if now - evaluated <= allowed:
        return None
    return Refusal(
        Reason.REPORT_STALE,
        f"{name} was last evaluated at {evaluated:%Y-%m-%dT%H:%M:%SZ}; "
        f"at most {allowed.total_seconds():.0f} s ago is fresh",
        LOOK_AGAIN,
    )
