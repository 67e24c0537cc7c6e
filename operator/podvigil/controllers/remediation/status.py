"""The status of a request after each step. Pure: what is written, by `write_status`, with the resourceVersion seen."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.conditions import Condition, ConditionStatus, find_condition, set_condition
from podvigil.api.durations import parse_duration
from podvigil.api.reasons import Reason
from podvigil.api.request import (
    VALIDATION_WINDOW_MAX,
    Decision,
    Execution,
    ExecutionProgress,
    Preflight,
    RemediationRequest,
    RequestCondition,
    RequestStatus,
    Validation,
)
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import Unavailable
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import BeginRollback, Claim, Conclude, Finish, GiveUp, Hold, Settle, Watch
from podvigil.remediate.validation.effect import OUTCOMES
from podvigil.remediate.validation.siblings import siblings

UNKNOWN = ConditionStatus.UNKNOWN

LONGEST_WINDOW: Final = parse_duration(VALIDATION_WINDOW_MAX)
"""Also for a request that was stored before the API server refused more."""

A_SECOND: Final = timedelta(seconds=1)
"""The least by which two times in a status differ: the API's times have whole seconds."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A status being written at one moment."""

    request: RemediationRequest
    status: RequestStatus
    now: datetime

    def condition(
        self, kind: RequestCondition, value: ConditionStatus | bool, reason: Reason, message: str
    ) -> "Draft":
        """Set one condition."""
        conditions = set_condition(
            self.status.conditions,
            kind.value,
            value,
            reason,
            message,
            now=self.now,
            generation=self.request.metadata.get("generation"),
        )
        return self.changed(conditions=conditions)

    def changed(self, **fields: Any) -> "Draft":
        """Set other fields."""
        return Draft(self.request, self.status.model_copy(update=fields), self.now)

    def summary(self, value: ConditionStatus | bool, reason: Reason, message: str) -> "Draft":
        """Set the condition that sums up the request, in the column Outcome."""
        return self.condition(RequestCondition.SUCCEEDED, value, reason, message)


def begin(request: RemediationRequest, now: datetime) -> Draft:
    """Start from the status that was seen, with the decision that was seen."""
    draft = Draft(request, request.status, now).changed(
        observed_generation=request.metadata.get("generation")
    )
    approval = request.spec.approval
    if approval is None:
        return draft.condition(
            RequestCondition.APPROVED, UNKNOWN, Reason.AWAITING_APPROVAL, "A person must decide."
        )
    by = approval.approved_by or "a person"
    why = f": {approval.reason}" if approval.reason else "."
    if approval.decision is Decision.APPROVED:
        return draft.condition(RequestCondition.APPROVED, True, Reason.APPROVED, f"Approved by {by}{why}")
    return draft.condition(RequestCondition.APPROVED, False, Reason.DENIED, f"Denied by {by}{why}")


def preflighted(draft: Draft, found: Preflight) -> Draft:
    """Show what would happen, and every objection."""
    if found.refusals:
        first = Reason(found.refusals[0].reason)
        said = "; ".join(f"{r.reason}: {r.message}" for r in found.refusals)
        draft = draft.condition(RequestCondition.PREFLIGHTED, False, first, said)
    else:
        draft = draft.condition(
            RequestCondition.PREFLIGHTED,
            True,
            Reason.PREFLIGHT_PASSED,
            f"The API server accepts a dry run and no guard objects; {found.disruption or 'no pod is disturbed'}.",
        )
    if draft.request.spec.approval is None:
        draft = draft.summary(UNKNOWN, Reason.AWAITING_APPROVAL, "A person must decide.")
    return draft.changed(preflight=found)


def held(draft: Draft, step: Hold) -> Draft:
    """Say why an approved request waits."""
    refusal, execution = step.refusal, draft.status.execution
    if execution is None or execution.finished_at is None:
        begun = execution is not None and execution.progress is not None
        value = UNKNOWN if begun else ConditionStatus.FALSE
        draft = draft.condition(RequestCondition.EXECUTED, value, refusal.reason, refusal.message)
    return draft.summary(UNKNOWN, refusal.reason, f"Held back: {refusal.message}")


def unseen(draft: Draft, why: Refusal) -> Draft:
    """Say where the request stands that nothing can be found out or done, and why."""
    kind = _stage(draft)
    if kind is not None:
        draft = draft.condition(kind, UNKNOWN, why.reason, why.message)
    return draft.summary(UNKNOWN, why.reason, why.message)


def _stage(draft: Draft) -> RequestCondition | None:
    """Return the condition that is open now; None on the way back, whose condition decides how it goes on."""
    execution = draft.status.execution
    if execution is None:
        is_decided = draft.request.spec.approval is not None
        return RequestCondition.EXECUTED if is_decided else RequestCondition.PREFLIGHTED
    if execution.stopped_at is not None or _has(draft.status.conditions, RequestCondition.ROLLED_BACK):
        return None
    if execution.finished_at is None:
        return RequestCondition.EXECUTED
    validated = find_condition(draft.status.conditions, RequestCondition.VALIDATED)
    is_judged = validated is not None and validated.reason in OUTCOMES
    return None if is_judged else RequestCondition.VALIDATED


def claimed(draft: Draft, step: Claim, executor: str) -> Draft:
    """Write down who makes which change, before it is made."""
    before, now = draft.status.execution, draft.now.replace(microsecond=0)
    execution = Execution(
        claimed_by=executor,
        claimed_at=now,
        started_at=(before.started_at if before else None) or now,
        progress=before.progress if before else None,
        token=step.change.token,
        before=step.change.before,
        after=step.change.after,
        baseline=step.baseline,
        siblings=step.siblings,
    )
    draft = draft.condition(RequestCondition.EXECUTED, UNKNOWN, Reason.EXECUTING, f"Claimed by {executor}.")
    return draft.summary(UNKNOWN, Reason.EXECUTING, "The change is being made.").changed(execution=execution)


def advanced(draft: Draft, progress: ExecutionProgress) -> Draft:
    """Show how far a change of many steps has come."""
    execution = draft.status.execution
    if execution is None:
        raise ValueError("only a claimed request is under way")
    said = f"{progress.done} of {progress.total} done."
    if progress.waiting_for:
        said = f"{said[:-1]}; waiting for {progress.waiting_for}"
    draft = draft.condition(RequestCondition.EXECUTED, UNKNOWN, Reason.EXECUTING, said[:1024])
    draft = draft.summary(UNKNOWN, Reason.EXECUTING, said[:1024])
    return draft.changed(execution=execution.model_copy(update={"progress": progress}))


def given_up(draft: Draft, step: GiveUp) -> Draft:
    """Say that a change ends on the way, before what is there of it is put back."""
    execution = draft.status.execution
    if execution is None:
        raise ValueError("only a claimed request is given up")
    stopped = {
        "stopped_at": draft.now.replace(microsecond=0),
        "stopped_reason": step.reason.value,
        "stopped_message": step.message[:1024],
    }
    draft = draft.condition(RequestCondition.EXECUTED, False, step.reason, step.message[:1024])
    draft = draft.summary(UNKNOWN, step.reason, step.message[:1024])
    return draft.changed(execution=execution.model_copy(update=stopped))


def recorded(draft: Draft, ctx: Context) -> Draft:
    """Say that the change is there, and until when its effect is watched."""
    execution = draft.status.execution
    if execution is None:
        raise ValueError("only a claimed request can have been executed")
    changed_at = execution.finished_at or draft.now.replace(microsecond=0)
    seen = ctx.report.status if ctx.report else None
    validation = Validation(
        until=changed_at + min(parse_duration(ctx.plan.validation_window), LONGEST_WINDOW),
        score_before_milli=seen.score_milli if seen else None,
        probability_before_permille=seen.probability_permille if seen else None,
    )
    said = ", ".join(f"{name} {value}" for name, value in sorted((execution.after or {}).items()))
    draft = draft.condition(
        RequestCondition.EXECUTED, True, Reason.EXECUTED, f"The API server accepted {said}."
    )
    return _watching(draft, validation).changed(
        execution=execution.model_copy(
            update={"finished_at": changed_at, "progress": _completed(execution.progress)}
        ),
        validation=validation,
    )


def _watching(draft: Draft, validation: Validation) -> Draft:
    watched = f"The effect is watched until {validation.until:%Y-%m-%dT%H:%M:%SZ} at the latest."
    draft = draft.condition(RequestCondition.VALIDATED, UNKNOWN, Reason.VALIDATING, watched)
    return draft.summary(UNKNOWN, Reason.VALIDATING, watched)


def _completed(progress: ExecutionProgress | None) -> ExecutionProgress | None:
    """The last step is seen by the look that records it."""
    return ExecutionProgress(total=progress.total, done=progress.total) if progress else None


def watched(draft: Draft, step: Watch | Conclude, ctx: Context) -> Draft:
    """Keep what was seen of the effect."""
    validation = draft.status.validation
    if validation is None:
        raise ValueError("only an executed request is watched")
    if isinstance(step, Watch):  # after a time in which nothing was seen, it is again
        draft = _watching(draft, validation)
    seen = {
        "observed": step.observed,
        "siblings": siblings(ctx.around, draft.now) if ctx.around else None,
        "score_after_milli": ctx.report.status.score_milli if ctx.report else None,
    }
    return draft.changed(validation=validation.model_copy(update=seen))


_VALIDATED: dict[Reason, ConditionStatus] = {
    Reason.SUCCEEDED: ConditionStatus.TRUE,
    Reason.INEFFECTIVE: ConditionStatus.FALSE,
    Reason.HARMFUL: ConditionStatus.FALSE,
}


def concluded(draft: Draft, step: Conclude, ctx: Context) -> Draft:
    """Say what the change did."""
    verdict = step.verdict
    return watched(draft, step, ctx).condition(
        RequestCondition.VALIDATED, _VALIDATED.get(verdict.outcome, UNKNOWN), verdict.outcome, verdict.message
    )


def rolling_back(draft: Draft, step: BeginRollback) -> Draft:
    """Say that the old value is being put back; an ended request is open again.

    Times have whole seconds, and the clocks of two replicas differ: what is opened again counts as opened after it
    had ended, or `learn` would take its second end for the first.
    """
    if (ended_at := draft.status.finished_at) is not None:
        draft = replace(draft, now=max(draft.now, ended_at + A_SECOND))
    draft = draft.condition(RequestCondition.ROLLED_BACK, UNKNOWN, Reason.ROLLING_BACK, step.message[:1024])
    return draft.summary(UNKNOWN, Reason.ROLLING_BACK, step.message[:1024]).changed(finished_at=None)


def settled(draft: Draft, step: Settle) -> Draft:
    """Say what became of the rollback."""
    return draft.condition(RequestCondition.ROLLED_BACK, step.rolled_back, step.reason, step.message)


def finished(draft: Draft, step: Finish) -> Draft:
    """End the request, never before it was last opened. What never came to be is said, too."""
    message = step.message if step.reason is step.outcome else f"{step.reason}: {step.message}"
    execution = draft.status.execution
    if execution is None or execution.finished_at is None:
        # Claimed, and target or action are gone: nobody can say any more whether the change was made.
        is_untold = execution is not None and step.reason in (Reason.TARGET_MISSING, Reason.ACTION_UNKNOWN)
        value = UNKNOWN if is_untold else ConditionStatus.FALSE
        draft = draft.condition(RequestCondition.EXECUTED, value, step.reason, step.message)
    elif not _has(draft.status.conditions, RequestCondition.ROLLED_BACK):
        draft = draft.condition(
            RequestCondition.ROLLED_BACK, False, Reason.NOT_NEEDED, "Nothing is put back."
        )
    opened = find_condition(draft.status.conditions, RequestCondition.SUCCEEDED)
    if opened is not None:
        draft = replace(draft, now=max(draft.now, opened.last_transition_time))
    is_good = step.outcome is Reason.SUCCEEDED
    return draft.summary(is_good, step.outcome, message).changed(finished_at=draft.now.replace(microsecond=0))


def _has(conditions: tuple[Condition, ...], kind: RequestCondition) -> bool:
    return any(condition.type == kind for condition in conditions)


def is_worth_writing(before: RequestStatus, after: RequestStatus, *, seconds: float) -> bool:
    """Return whether anything but the time of a preflight differs, or that time is too old to show."""
    if before.preflight is None or after.preflight is None:
        return before != after
    age = (after.preflight.checked_at - before.preflight.checked_at).total_seconds()
    same_time = after.preflight.model_copy(update={"checked_at": before.preflight.checked_at})
    return age >= seconds or before != after.model_copy(update={"preflight": same_time})


async def write_status(cluster: Cluster, draft: Draft) -> None:
    """Write it, unless somebody wrote in between.

    When only the answer is lost, it is read back whether the write was done: what is told of it (an event, a count)
    is told then, and not by a later pass, which finds it done.

    Raises: Conflict when the request is not as it was seen; any other ClusterError.
    """
    metadata = draft.request.metadata
    name, namespace = metadata["name"], metadata["namespace"]
    body = draft.request.model_copy(
        update={
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")},
            "status": draft.status,
        }
    ).dump()
    try:
        await cluster.replace(REMEDIATIONREQUESTS, name, body, namespace, subresource="status")
    except Unavailable:
        found = await cluster.find(REMEDIATIONREQUESTS, name, namespace)
        if found is None or found.get("status") != body["status"]:
            raise
