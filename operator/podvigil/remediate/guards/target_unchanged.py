"""What is changed is what was judged: the same object, with the same spec."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def target_unchanged(ctx: Context, now: datetime) -> Refusal | None:
    """Same uid, same generation. Neither ever comes back, so waiting does not help."""
    target, plan = ctx.target, ctx.plan.target
    if target is None:
        return None
    if target.ref.uid != plan.uid:
        return Refusal(
            Reason.STALE_TARGET,
            f"{ctx.written()} is another object now: its uid is {target.ref.uid}, the plan is for {plan.uid}",
        )
    if target.generation != plan.generation:
        return Refusal(
            Reason.STALE_TARGET,
            f"{ctx.written()} was changed since: it is at generation {target.generation}, "
            f"the plan is for {plan.generation}",
        )
    return None
