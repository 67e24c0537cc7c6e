"""When we cannot see, the answer is no: an old report is not a finding."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.guards.anomaly_active import GIVES_BACK
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.freshness import freshness

LOOK_AGAIN: Final = timedelta(seconds=10)


def report_fresh(ctx: Context, now: datetime) -> Refusal | None:
    """Evaluated lately."""
    if ctx.report is None or ctx.action in GIVES_BACK:
        return None
    evaluated, allowed = ctx.report.status.last_evaluated, freshness(ctx.interval_seconds)
    name = f"AnomalyReport {ctx.namespace}/{ctx.report.metadata['name']}"
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
