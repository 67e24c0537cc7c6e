"""The plan says of its report what the report says of itself."""

from datetime import datetime
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, TargetReference
from podvigil.api.request import Plan
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

OF_ANOTHER: Final = frozenset({"CronJob"})
"""Kinds of targets that are a remedy for others: a Job is run for the workload that the report is about."""


def not_as_reported(plan: Plan, report: AnomalyReport) -> str | None:
    """Say in what the plan differs from the report that it answers; None: in nothing.

    Rules, cooldowns and what was learnt are found by the plan's monitor, signal and target: whoever could name others
    than the report's would choose by which rules they are judged.
    """
    differences = []
    if plan.monitor != report.spec.monitor:
        differences.append(f"was found by AnomalyMonitor {report.spec.monitor}, not {plan.monitor}")
    if plan.report is not None and plan.report.signal != report.spec.signal:
        differences.append(f"is about {report.spec.signal}, not {plan.report.signal}")
    if plan.target.kind not in OF_ANOTHER and _identity(plan.target) != _identity(report.spec.target):
        differences.append(f"is about {_written(report.spec.target)}, not {_written(plan.target)}")
    return " and ".join(differences) or None


def _identity(target: TargetReference) -> tuple[str, str, str]:
    return target.kind, target.name, target.uid


def _written(target: TargetReference) -> str:
    return f"{target.kind} {target.name} with the uid {target.uid}"


def report_answered(ctx: Context, now: datetime) -> Refusal | None:
    """The plan's monitor, signal and target are those of the report."""
    answered = ctx.plan.report
    if answered is None or ctx.report is None or ctx.report.metadata["uid"] != answered.uid:
        return None
    differs = not_as_reported(ctx.plan, ctx.report)
    if differs is None:
        return None
    message = f"AnomalyReport {ctx.namespace}/{answered.name} {differs}: ask anew with what the report says"
    return Refusal(Reason.REPORT_MISSING, message[:1024])
