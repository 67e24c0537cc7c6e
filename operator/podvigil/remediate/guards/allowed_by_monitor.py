"""The monitor's rules may have been tightened since the plan was made; they hold at once."""

from datetime import datetime

from podvigil.api.monitor import RemediationMode
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def allowed_by_monitor(ctx: Context, now: datetime) -> Refusal | None:
    """There is a monitor, it wants more than reports, and it allows this action."""
    name = ctx.plan.monitor
    if ctx.rules is None:
        return Refusal(Reason.MONITOR_MISSING, f"AnomalyMonitor {name} does not exist: no rules, no change")
    if ctx.rules.mode is RemediationMode.OFF:
        return Refusal(Reason.REMEDIATION_OFF, f"AnomalyMonitor {name} has remediation.mode Off")
    if ctx.action not in ctx.rules.allowed_actions:
        return Refusal(
            Reason.ACTION_NOT_ALLOWED, f"AnomalyMonitor {name} does not have {ctx.action} in allowedActions"
        )
    return None
