"""The way back: what is still ours is put back, for a bad outcome or because a person wants it; and when that ends."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.conditions import Condition, ConditionStatus, find_condition
from podvigil.api.durations import write_duration
from podvigil.api.reasons import Reason
from podvigil.api.request import Execution, Intervention, RequestCondition
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Change, Undo
from podvigil.remediate.guards import WAY_BACK, first_refusal
from podvigil.remediate.observe.context import Context
from podvigil.remediate.steps import BeginRollback, Finish, Hold, RollBack, Settle, Step
from podvigil.remediate.targets.base import TargetState

ROLLBACK_TIME: Final = timedelta(minutes=10)
"""How long a rollback is tried, or waits for what holds it back."""

HELD_AGAIN: Final = timedelta(minutes=1)
"""For an objection that does not say itself when it may pass."""


def is_wanted_back(ctx: Context) -> bool:
    """Return whether a person wants an ended request undone, and was not answered yet."""
    execution = ctx.execution
    if ctx.request.spec.rollback is None or execution is None or execution.finished_at is None:
        return False
    summary = find_condition(ctx.request.status.conditions, RequestCondition.SUCCEEDED)
    return summary is None or summary.reason not in (Reason.ROLLED_BACK, Reason.ROLLBACK_FAILED)


def wanted_back(ctx: Context, execution: Execution, rolled_back: Condition | None, now: datetime) -> Step:
    """A person wants the old state back: whatever was judged, and also after the end."""
    asked = asked_by(ctx.request.spec.rollback, "wanted the old state back")
    if ctx.request.status.finished_at is not None or rolled_back is None:
        return BeginRollback(asked)  # an ended request is open again from here
    if rolled_back.status is not ConditionStatus.UNKNOWN:
        is_back = rolled_back.status is ConditionStatus.TRUE
        outcome = Reason.ROLLED_BACK if is_back else Reason.ROLLBACK_FAILED
        reason = outcome if is_back else Reason(rolled_back.reason)
        return Finish(outcome, reason, f"{asked}: {rolled_back.message}")
    if refusal := first_refusal(ctx, now, WAY_BACK):
        # Not for ever: while it is open, no other request for the target is carried out.
        if now < rolled_back.last_transition_time + ROLLBACK_TIME:
            return Hold(refusal, refusal.retry_after or HELD_AGAIN)
        waited = f"not put back within {write_duration(ROLLBACK_TIME)}: {refusal.message}"
        return Settle(False, refusal.reason, waited[:1024])
    return way_back(ctx, execution, rolled_back, now)


def way_back(ctx: Context, execution: Execution, begun: Condition | None, now: datetime) -> Step:
    """Put back what is still ours; `begun` is the condition RolledBack, None or Unknown until it is settled."""
    target = same_target(ctx)
    if target is None:
        return Settle(False, Reason.TARGET_MISSING, "nothing is left to put back")
    change, action = change_of(execution), ACTIONS[ctx.action]
    # What is kept for the way back beyond the values that were set is not for people.
    old = {name: change.before.get(name) or "(none)" for name in change.after}
    before = ", ".join(f"{name} {value}" for name, value in sorted(old.items()))
    match action.undo(target, ctx.plan, change):
        case Undo.NOTHING:
            return Settle(False, Reason.NOTHING_TO_UNDO, "this action leaves nothing to undo")
        case Undo.GONE:
            made = ", ".join(f"{name} {value}" for name, value in sorted(change.after.items()))
            return Settle(False, Reason.NOTHING_TO_UNDO, f"{made} was deleted; what it has done stays")
        case Undo.DONE:
            return Settle(True, Reason.ROLLED_BACK, f"put back {before}")
        case Undo.NOT_OURS:
            return Settle(
                False,
                Reason.STALE_TARGET,
                f"not put back to {before}: someone has changed the value since, or made it their own",
            )
        case Undo.DUE:
            if ctx.paused is not None:
                return Settle(False, Reason.PAUSED, f"not put back to {before}: {ctx.paused}")
            if begun is None:
                return BeginRollback(f"{before} is being put back")
            limit = max(ROLLBACK_TIME, action.time_limit(ctx.plan))
            if now >= begun.last_transition_time + limit:
                return Settle(
                    False,
                    Reason.ROLLBACK_FAILED,
                    f"could not be put back to {before} within {write_duration(limit)}: do it by hand",
                )
            return RollBack(change)


def same_target(ctx: Context) -> TargetState | None:
    """Return the target if it is the very object of the plan, whatever its generation."""
    target = ctx.target
    return target if target is not None and target.ref.uid == ctx.plan.target.uid else None


def change_of(execution: Execution) -> Change:
    """Return the change as it was written down before it was made."""
    return Change(dict(execution.before or {}), dict(execution.after or {}), execution.token or "")


def asked_by(word: Intervention | None, what: str) -> str:
    """Write who asked for something after the decision, and why."""
    by = (word.requested_by if word else None) or "a person"
    why = f" ({word.reason})" if word and word.reason else ""
    return f"{by} {what}{why}"
