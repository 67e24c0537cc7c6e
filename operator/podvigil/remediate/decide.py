"""What happens next to a request: the whole way of it, as a pure function of what was seen.

    created ─▶ Preflight ─▶ (a person decides) ─▶ Claim ─▶ Execute ─▶ Record ─▶ Watch … ─▶ Conclude
                   │                │               │        │                              │
                   └────────────────┴── Hold … ─────┴────────┴─▶ Finish ◀── Settle ◀── RollBack

Each step writes one thing and the next pass starts from what is then seen, so a crash between any two
steps is a step done late, or done again with the same effect; never twice.
"""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.conditions import find_condition
from podvigil.api.reasons import Reason
from podvigil.api.request import Decision, Execution, Health, RequestCondition
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Change, Progress, Undo
from podvigil.remediate.context import Context
from podvigil.remediate.guards import HOPELESS, all_refusals, first_refusal
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import (
    Claim,
    Conclude,
    Execute,
    Finish,
    Hold,
    Idle,
    Preflight,
    Record,
    Rehearse,
    RollBack,
    Settle,
    Step,
    Wait,
    Watch,
)
from podvigil.remediate.targets import TargetState
from podvigil.remediate.validate import OUTCOMES, ROLLED_BACK_AFTER, Effect, judge

PREFLIGHT_AGE: Final = timedelta(seconds=60)
"""An undecided request is checked anew this often, so that who decides sees the present."""

CLAIM_AGE: Final = timedelta(seconds=30)
"""After this another executor takes over. Longer than a call may take; should both still act, the
resourceVersion lets only one of them through."""

EXECUTION_TIME: Final = timedelta(minutes=10)
"""How long a claimed change is tried while the API server does not answer."""

ROLLBACK_TIME: Final = timedelta(minutes=10)
"""How long a rollback is tried."""

NO_HEALTH: Final = Health(replicas=0, ready_replicas=0)
"""Stands in for a baseline that an older version did not write: then nothing counts as harm but crashes."""

LOOKS: Final = 20
"""Looks at the effect within the validation window, at least a second and at most ten apart."""


def next_step(ctx: Context, *, now: datetime) -> Step:
    """Say what happens to this request at `now`."""
    status, execution = ctx.request.status, ctx.execution
    if status.finished_at is not None:
        return Idle()
    if execution is not None and execution.finished_at is not None:
        return _after_the_change(ctx, execution, now)
    if execution is not None:
        return _claimed(ctx, execution, now)
    if ctx.decision is Decision.DENIED:
        return Finish(Reason.DENIED, Reason.DENIED, _denial(ctx))
    if now >= ctx.plan.expires_at:
        return Finish(Reason.EXPIRED, Reason.PLAN_EXPIRED, _expiry(ctx))
    if ctx.decision is Decision.APPROVED and status.preflight is not None:
        return _approved(ctx, now)
    return _undecided(ctx, now)


def _undecided(ctx: Context, now: datetime) -> Step:
    lost = next((r for r in all_refusals(ctx, now) if r.reason in HOPELESS), None)
    if lost:
        return Finish(Reason.REFUSED, lost.reason, lost.message)
    preflight = ctx.request.status.preflight
    if preflight is None:
        return Preflight()
    due = preflight.checked_at + PREFLIGHT_AGE
    return Preflight() if now >= due else Wait(min(due, ctx.plan.expires_at) - now)


def _approved(ctx: Context, now: datetime) -> Step:
    if refusal := first_refusal(ctx, now):
        return _held_back(refusal)
    if ctx.target is None:  # target_exists has refused; for the type
        return Idle()
    if ctx.is_dry_run:
        return Rehearse()
    action = ACTIONS[ctx.action]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Claim(
        action.change(ctx.target, ctx.plan.parameters, token=ctx.uid, now=stamp), baseline=ctx.target.health
    )


def _claimed(ctx: Context, execution: Execution, now: datetime) -> Step:
    """Go on with a claimed change: ours after a conflict or a restart, or that of an executor that is gone."""
    progress = _progress(ctx, execution)
    if progress is Progress.DONE:
        return Record()
    taken_over = execution.claimed_at + CLAIM_AGE
    if execution.claimed_by != ctx.executor and now < taken_over:
        return Wait(taken_over - now)
    if progress is None:
        return Finish(
            Reason.FAILED, Reason.TARGET_MISSING, f"{ctx.written()} went away before it was changed"
        )
    if progress is Progress.FOREIGN:
        return Finish(
            Reason.FAILED,
            Reason.STALE_TARGET,
            f"{ctx.written()} was changed by someone else while its change was under way: "
            "ours is not there, and is not made any more",
        )
    if now >= ctx.plan.expires_at:
        return Finish(Reason.EXPIRED, Reason.PLAN_EXPIRED, _expiry(ctx))
    if refusal := first_refusal(ctx, now):
        return _held_back(refusal)
    if now >= execution.claimed_at + EXECUTION_TIME and execution.claimed_by == ctx.executor:
        return Finish(
            Reason.FAILED, Reason.FAILED, f"the change could not be made within {EXECUTION_TIME.seconds} s"
        )
    if execution.claimed_by != ctx.executor:
        return Claim(_change(execution), baseline=execution.baseline or NO_HEALTH)
    return Execute(_change(execution))


def _after_the_change(ctx: Context, execution: Execution, now: datetime) -> Step:
    status = ctx.request.status
    validated = find_condition(status.conditions, RequestCondition.VALIDATED)
    outcome = next((o for o in OUTCOMES if validated and validated.reason == o), None)
    if validated is None or outcome is None:
        return _watch(ctx, execution, now)
    rolled_back = find_condition(status.conditions, RequestCondition.ROLLED_BACK)
    if rolled_back is not None:
        return Finish(outcome, outcome, f"{validated.message}; {rolled_back.message}")
    if outcome not in ROLLED_BACK_AFTER:
        return Finish(outcome, outcome, validated.message)
    return _way_back(ctx, execution, decided_at=validated.last_transition_time, now=now)


def _watch(ctx: Context, execution: Execution, now: datetime) -> Step:
    validation, changed_at = ctx.request.status.validation, execution.finished_at
    if validation is None or changed_at is None:  # Record writes both at once
        return Record()
    target = _same_target(ctx)
    disruption = ACTIONS[ctx.action].disruption(target, ctx.plan.parameters) if target else None
    effect = Effect(
        target=target,
        report=ctx.report if _is_ours(ctx) else None,
        baseline=execution.baseline or NO_HEALTH,
        previous=validation.observed,
        at_once=disruption.at_once if disruption else 0,
        replaces_pods=ctx.action is ActionName.RESTART,
        changed_at=changed_at,
        until=validation.until,
        interval_seconds=ctx.interval_seconds,
    )
    verdict = judge(effect, now=now)
    observed = target.health if target else None
    if verdict is not None:
        return Conclude(verdict, observed)
    pause = (validation.until - changed_at).total_seconds() / LOOKS
    left = (validation.until - now).total_seconds()
    return Watch(observed, timedelta(seconds=max(0.5, min(10.0, max(1.0, pause), left))))


def _way_back(ctx: Context, execution: Execution, *, decided_at: datetime, now: datetime) -> Step:
    target = _same_target(ctx)
    if target is None:
        return Settle(False, Reason.TARGET_MISSING, "nothing is left to put back")
    change, action = _change(execution), ACTIONS[ctx.action]
    before = ", ".join(f"{name} {value}" for name, value in sorted(change.before.items()))
    match action.undo(target, change):
        case Undo.NOTHING:
            return Settle(False, Reason.NOTHING_TO_UNDO, "this action leaves nothing to undo")
        case Undo.DONE:
            return Settle(True, Reason.ROLLED_BACK, f"put back {before}")
        case Undo.NOT_OURS:
            return Settle(
                False, Reason.STALE_TARGET, f"not put back to {before}: someone has changed the value since"
            )
        case Undo.DUE:
            if ctx.rules is not None and ctx.rules.paused:
                return Settle(False, Reason.PAUSED, f"not put back to {before}: remediation is paused")
            if now >= decided_at + ROLLBACK_TIME:
                return Settle(
                    False,
                    Reason.ROLLBACK_FAILED,
                    f"could not be put back to {before} within {ROLLBACK_TIME.seconds} s: do it by hand",
                )
            return RollBack(change)


def _held_back(refusal: Refusal) -> Step:
    if refusal.retry_after is None:
        return Finish(Reason.REFUSED, refusal.reason, refusal.message)
    return Hold(refusal, refusal.retry_after)


def _same_target(ctx: Context) -> TargetState | None:
    """Return the target if it is the very object of the plan, whatever its generation."""
    target = ctx.target
    return target if target is not None and target.ref.uid == ctx.plan.target.uid else None


def _progress(ctx: Context, execution: Execution) -> Progress | None:
    target = _same_target(ctx)
    if target is None:
        return None
    return ACTIONS[ctx.action].progress(target, ctx.plan.target.generation, _change(execution))


def _change(execution: Execution) -> Change:
    return Change(dict(execution.before or {}), dict(execution.after or {}), execution.token or "")


def _is_ours(ctx: Context) -> bool:
    """Return whether the report is the one that the plan answers, and not a later namesake."""
    return ctx.report is not None and ctx.report.metadata["uid"] == ctx.plan.report.uid


def _denial(ctx: Context) -> str:
    approval = ctx.request.spec.approval
    by = (approval.approved_by if approval else None) or "a person"
    why = f": {approval.reason}" if approval and approval.reason else ""
    return f"{by} said no{why}"


def _expiry(ctx: Context) -> str:
    when = f"{ctx.plan.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    if ctx.decision is not Decision.APPROVED:
        return f"nobody decided until {when}"
    executed = find_condition(ctx.request.status.conditions, RequestCondition.EXECUTED)
    why = f"; it was held back: {executed.message}" if executed else ""
    return f"approved, and not carried out until {when}{why}"
