"""Someone who paused a rollout is in the middle of something."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=30)


def rollout_not_paused(ctx: Context, now: datetime) -> Refusal | None:
    """The Deployment is not paused: a change of its template would wait, and then come as a surprise."""
    if ctx.workload is None or not ctx.workload.paused:
        return None
    return Refusal(Reason.ROLLOUT_PAUSED, f"{ctx.workload.ref} is paused (spec.paused)", LOOK_AGAIN)
