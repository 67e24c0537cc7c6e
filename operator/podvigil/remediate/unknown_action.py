"""A claimed request whose action no executor has any more: its package is gone, or not there yet."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.conditions import find_condition
from podvigil.api.reasons import Reason
from podvigil.api.request import Execution, RequestCondition
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import BeginRollback, Finish, Hold, Step
from podvigil.remediate.way_back import asked_by, is_wanted_back

WAIT: Final = timedelta(minutes=10)
"""A rollout of the executor with the package takes no longer. Then the request ends: as long as it is open, no other
request for its target is carried out."""

LOOK_AGAIN: Final = timedelta(minutes=1)


def without_action(ctx: Context, execution: Execution, now: datetime) -> Step:
    """Wait for an executor that has the action, then say what is not known.

    Only the action can tell from the target whether its change is there.
    """
    if ctx.request.status.finished_at is not None and is_wanted_back(ctx):
        return BeginRollback(asked_by(ctx.request.spec.rollback, "wanted the old state back"))
    begun = find_condition(ctx.request.status.conditions, RequestCondition.ROLLED_BACK)
    times = (
        execution.claimed_at,
        execution.stopped_at,
        execution.finished_at,
        begun.last_transition_time if begun else None,
    )
    since, wanted = max(time for time in times if time), ctx.request.spec.rollback is not None
    unknown = f"no executor has the action {ctx.action} any more"
    if now < since + WAIT and (wanted or ctx.request.spec.cancellation is None):
        return Hold(Refusal(Reason.ACTION_UNKNOWN, f"{unknown}: it cannot be gone on with"), LOOK_AGAIN)
    if wanted:
        return Finish(Reason.ROLLBACK_FAILED, Reason.ACTION_UNKNOWN, f"{unknown}: put it back by hand")
    if execution.finished_at is not None:
        return Finish(
            Reason.INCONCLUSIVE, Reason.ACTION_UNKNOWN, f"{unknown}: what the change did cannot be judged"
        )
    return Finish(
        Reason.FAILED,
        Reason.ACTION_UNKNOWN,
        f"{unknown}, and nothing else can tell whether the change was made",
    )
