"""The plan answers a report that is there."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def report_exists(ctx: Context, now: datetime) -> Refusal | None:
    """The very report; one made later is another finding. Without one a person asks, and answers for it."""
    answered = ctx.plan.report
    if answered is None or (ctx.report is not None and ctx.report.metadata["uid"] == answered.uid):
        return None
    return Refusal(
        Reason.REPORT_MISSING, f"AnomalyReport {ctx.namespace}/{answered.name} does not exist any more"
    )
