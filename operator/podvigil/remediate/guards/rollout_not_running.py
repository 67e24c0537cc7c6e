"""A workload that is rolling out is changing anyhow; two changes at once explain nothing."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=10)

ENDS_A_ROLLOUT: Final = frozenset({ActionName.ROLLBACK})
"""A rollout that hangs is what a Rollback is for."""


def rollout_not_running(ctx: Context, now: datetime) -> Refusal | None:
    """The newest revision is everywhere. Unready pods are no rollout: they may be the trouble."""
    target = ctx.workload
    if target is None or target.is_rolled_out or ctx.action in ENDS_A_ROLLOUT:
        return None
    if target.observed_generation < target.generation:
        how = f"its controller has seen generation {target.observed_generation} of {target.generation}"
    else:
        how = f"{target.updated} of {target.replicas} pods are of the newest revision, {target.total} there in all"
    return Refusal(Reason.ROLLOUT_RUNNING, f"{target.ref} is rolling out: {how}", LOOK_AGAIN)
