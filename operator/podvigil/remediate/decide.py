"""What happens next to a request: the whole way of it, as a pure function of what was seen.

    created ─▶ Preflight ─▶ (a person decides) ─▶ Claim ─▶ Execute … ─▶ Record ─▶ Watch … ─▶ Conclude
                   │                │               │        │  └─▶ GiveUp ──┐                  │
                   └────────────────┴── Hold … ─────┴────────┤               ▼                  │
                                                          Finish ◀─ Settle ◀─ RollBack … ◀─ BeginRollback

Each step writes one thing and the next pass starts from what is then seen, so a crash between any two
steps is a step done late, or done again with the same effect; never twice.
"""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.durations import write_duration
from podvigil.api.reasons import Reason
from podvigil.api.request import Decision, Execution, Health, RequestCondition, Siblings
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import TIME_LIMIT, Progress
from podvigil.remediate.guards import CONTINUATION, EXECUTION, HOPELESS, all_refusals, first_refusal
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import (
    Claim,
    Conclude,
    Execute,
    Finish,
    GiveUp,
    Hold,
    Idle,
    Preflight,
    Record,
    Rehearse,
    Step,
    Wait,
    Watch,
)
from podvigil.remediate.unknown_action import without_action
from podvigil.remediate.validation.effect import OUTCOMES, ROLLED_BACK_AFTER, Effect
from podvigil.remediate.validation.siblings import siblings
from podvigil.remediate.way_back import (
    asked_by,
    change_of,
    is_wanted_back,
    same_target,
    wanted_back,
    way_back,
)

PREFLIGHT_AGE: Final = timedelta(seconds=60)
"""An undecided request is checked anew this often, so that who decides sees the present."""

CLAIM_AGE: Final = timedelta(seconds=30)
"""After this another executor takes over. Longer than a call may take; should both still act, the
resourceVersion lets only one of them through."""

NO_HEALTH: Final = Health(replicas=0, ready_replicas=0)
"""Stands in for a baseline that an older version did not write: then nothing counts as harm but crashes."""

LOOKS: Final = 20
"""Looks at the effect within the validation window, at least a second and at most ten apart."""


def next_step(ctx: Context, *, now: datetime) -> Step:
    """Say what happens to this request at `now`."""
    status, execution = ctx.request.status, ctx.execution
    if status.finished_at is not None and not is_wanted_back(ctx):
        return Idle()
    if execution is not None and ctx.action not in ACTIONS:
        return without_action(ctx, execution, now)
    if execution is not None and execution.finished_at is not None:
        return _after_the_change(ctx, execution, now)
    if execution is not None and execution.stopped_at is not None:
        return _after_giving_up(ctx, execution, now)
    if execution is not None:
        return _claimed(ctx, execution, now)
    if ctx.request.spec.cancellation is not None:
        return Finish(
            Reason.CANCELLED, Reason.CANCELLED, asked_by(ctx.request.spec.cancellation, "stopped it")
        )
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
    change = ACTIONS[ctx.action].change(ctx.target, ctx.plan, token=ctx.uid, now=now)
    return Claim(change, baseline=ctx.target.health, siblings=_siblings(ctx, now))


def _claimed(ctx: Context, execution: Execution, now: datetime) -> Step:
    """Go on with a claimed change: ours after a conflict or a restart, or that of an executor that is gone."""
    progress = _progress(ctx, execution)
    if progress is Progress.DONE:
        return Record()
    taken_over = execution.claimed_at + CLAIM_AGE
    if execution.claimed_by != ctx.executor and now < taken_over:
        return Wait(taken_over - now)
    if progress is None:
        # An answer may have been lost: only the target could tell whether the change was made.
        gone = f"{ctx.written()} is gone, and with it the sign whether its change had been made"
        return Finish(Reason.FAILED, Reason.TARGET_MISSING, gone)
    so_far = execution.progress
    if progress in (Progress.DUE, Progress.FOREIGN) and so_far is not None and so_far.done:
        half = f"after {so_far.done} of {so_far.total} someone else changed {ctx.written()}: the rest is not done"
        return GiveUp(Reason.STALE_TARGET, half)
    if progress is Progress.FOREIGN:
        return Finish(
            Reason.FAILED,
            Reason.STALE_TARGET,
            f"{ctx.written()} was changed by someone else while its change was under way: "
            "ours is not there, and is not made any more",
        )
    if stop := _given_up(ctx, execution, progress, now):
        return stop
    is_begun = progress is Progress.UNDER_WAY
    if refusal := first_refusal(ctx, now, CONTINUATION if is_begun else EXECUTION):
        if is_begun and refusal.retry_after is None:
            return GiveUp(refusal.reason, refusal.message)
        return _held_back(refusal)
    if execution.claimed_by != ctx.executor:
        return Claim(change_of(execution), execution.baseline or NO_HEALTH, execution.siblings)
    return Execute(change_of(execution), is_begun)


def _given_up(ctx: Context, execution: Execution, progress: Progress, now: datetime) -> Step | None:
    """Return how a claimed change ends before it is made, if a person or the time ends it."""
    limit, cancelled = ACTIONS[ctx.action].time_limit(ctx.plan), ctx.request.spec.cancellation
    if progress is Progress.UNDER_WAY:
        if cancelled is not None:
            return GiveUp(Reason.CANCELLED, asked_by(cancelled, "stopped it on the way"))
        if now >= (execution.started_at or execution.claimed_at) + limit:
            waited = execution.progress.waiting_for if execution.progress else None
            why = f"; it waits for {waited}" if waited else ""
            return GiveUp(Reason.TIMED_OUT, f"it did not get done within {write_duration(limit)}{why}")
        if refusal := _only_a_dry_run(ctx):
            return GiveUp(refusal.reason, refusal.message)
        return None
    if cancelled is not None:
        return Finish(Reason.CANCELLED, Reason.CANCELLED, asked_by(cancelled, "stopped it before it began"))
    if now >= ctx.plan.expires_at:
        return Finish(Reason.EXPIRED, Reason.PLAN_EXPIRED, _expiry(ctx))
    if refusal := _only_a_dry_run(ctx):
        return Finish(refusal.reason, refusal.reason, refusal.message)
    limit = min(limit, TIME_LIMIT)  # for the first step; a change of many steps has its whole time after it
    if now >= execution.claimed_at + limit and execution.claimed_by == ctx.executor:
        waiting = f": it waited for {execution.progress.waiting_for}" if execution.progress else ""
        late = f"the change could not be made within {write_duration(limit)}{waiting}"
        return Finish(Reason.FAILED, Reason.FAILED, late[:1024])
    return None


def _only_a_dry_run(ctx: Context) -> Refusal | None:
    """Of what was claimed: the monitor wants no real change any more."""
    if not ctx.is_dry_run:
        return None
    since = f"AnomalyMonitor {ctx.plan.monitor} asks for dry runs only since it was claimed"
    return Refusal(Reason.DRY_RUN_ONLY, since)


def _after_giving_up(ctx: Context, execution: Execution, now: datetime) -> Step:
    rolled_back = find_condition(ctx.request.status.conditions, RequestCondition.ROLLED_BACK)
    if rolled_back is None or rolled_back.status is ConditionStatus.UNKNOWN:
        return way_back(ctx, execution, rolled_back, now)
    reason = Reason(execution.stopped_reason or Reason.FAILED)
    outcome = Reason.CANCELLED if reason is Reason.CANCELLED else Reason.FAILED
    return Finish(outcome, reason, f"{execution.stopped_message}; {rolled_back.message}")


def _after_the_change(ctx: Context, execution: Execution, now: datetime) -> Step:
    status = ctx.request.status
    validated = find_condition(status.conditions, RequestCondition.VALIDATED)
    outcome = next((o for o in OUTCOMES if validated and validated.reason == o), None)
    rolled_back = find_condition(status.conditions, RequestCondition.ROLLED_BACK)
    if ctx.request.spec.rollback is not None:
        return wanted_back(ctx, execution, rolled_back, now)
    if validated is None or outcome is None:
        return _watch(ctx, execution, now)
    if rolled_back is not None and rolled_back.status is not ConditionStatus.UNKNOWN:
        return Finish(outcome, outcome, f"{validated.message}; {rolled_back.message}")
    if outcome not in ROLLED_BACK_AFTER:
        return Finish(outcome, outcome, validated.message)
    return way_back(ctx, execution, rolled_back, now)


def _watch(ctx: Context, execution: Execution, now: datetime) -> Step:
    validation, changed_at = ctx.request.status.validation, execution.finished_at
    if validation is None or changed_at is None:  # Record writes both at once
        return Record()
    target = same_target(ctx)
    effect = Effect(
        target=target,
        plan=ctx.plan,
        report=ctx.report if _is_ours(ctx) else None,
        baseline=execution.baseline or NO_HEALTH,
        previous=validation.observed,
        changed_at=changed_at,
        until=validation.until,
        interval_seconds=ctx.interval_seconds,
        begun_at=execution.started_at or execution.claimed_at,
        judged_at=ctx.monitor.status.last_tick_time if ctx.monitor else None,
        siblings_before=execution.siblings,
        siblings=_siblings(ctx, now),
        changed_siblings=ctx.around.changed_reports(now) if ctx.around else frozenset(),
        token=execution.token or "",
    )
    verdict = ACTIONS[ctx.action].judge(effect, now=now)
    observed = target.health if target else None
    if verdict is not None:
        return Conclude(verdict, observed)
    pause = (validation.until - changed_at).total_seconds() / LOOKS
    left = (validation.until - now).total_seconds()
    return Watch(observed, timedelta(seconds=max(0.5, min(10.0, max(1.0, pause), left))))


def _siblings(ctx: Context, now: datetime) -> Siblings | None:
    return siblings(ctx.around, now) if ctx.around else None


def _held_back(refusal: Refusal) -> Step:
    if refusal.retry_after is None:
        return Finish(Reason.REFUSED, refusal.reason, refusal.message)
    return Hold(refusal, refusal.retry_after)


def _progress(ctx: Context, execution: Execution) -> Progress | None:
    target = same_target(ctx)
    if target is None:
        return None
    return ACTIONS[ctx.action].progress(target, ctx.plan, change_of(execution))


def _is_ours(ctx: Context) -> bool:
    """Return whether the report is the one that the plan answers, and not a later namesake."""
    answered = ctx.plan.report
    return ctx.report is not None and answered is not None and ctx.report.metadata["uid"] == answered.uid


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
