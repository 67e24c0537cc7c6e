"""The plan answers a report that is there."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def report_exists(ctx: Context, now: datetime) -> Refusal | None:
    """The very report; one made later is another finding."""
    plan = ctx.plan.report
    if ctx.report is None or ctx.report.metadata["uid"] != plan.uid:
        return Refusal(
            Reason.REPORT_MISSING, f"AnomalyReport {ctx.namespace}/{plan.name} does not exist any more"
        )
    return None
