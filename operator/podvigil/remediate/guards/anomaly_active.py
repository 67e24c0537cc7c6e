"""The trouble is still there: a workload that has recovered is left alone."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.reasons import Reason
from podvigil.api.report import ReportCondition
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=10)

GIVES_BACK: Final = frozenset({ActionName.UNCORDON})
"""Actions that end a repair: they are wanted just when the trouble is over, and nobody judges it any more."""


def anomaly_active(ctx: Context, now: datetime) -> Refusal | None:
    """Active is True. Unknown, or not said yet, is no reason to act."""
    if ctx.report is None or ctx.action in GIVES_BACK:
        return None
    active = find_condition(ctx.report.status.conditions, ReportCondition.ACTIVE)
    name = f"AnomalyReport {ctx.namespace}/{ctx.report.metadata['name']}"
    if active is None or active.status is ConditionStatus.UNKNOWN:
        return Refusal(Reason.NOT_EVALUATED, f"{name} does not say whether the trouble lasts", LOOK_AGAIN)
    if active.status is ConditionStatus.FALSE:
        return Refusal(Reason.ANOMALY_CLEARED, f"{name} is not active any more: {active.message}")
    return None
