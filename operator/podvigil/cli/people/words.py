"""What a person can say about a request, whether it makes sense now, and how it is written. Pure."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from podvigil.api.conditions import find_condition
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest, RequestCondition


class Word(StrEnum):
    """The four things to say."""

    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    ROLLBACK = "rollback"


def objection(request: RemediationRequest, word: Word, now: datetime) -> str | None:
    """Return why saying it would change nothing, and what to do instead; None: it makes sense."""
    if word is Word.ROLLBACK:
        return _no_rollback(request)
    spec, execution = request.spec, request.status.execution
    ended = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    if request.status.finished_at is not None and ended is not None:
        what = f"it has ended already: {ended.reason}, {ended.message}"
        was_made = execution is not None and execution.finished_at is not None
        return what + ("; `podvigil rollback` asks for the old state" if was_made else "")
    if word is Word.CANCEL:
        if spec.cancellation is not None:
            return f"{spec.cancellation.requested_by or 'someone'} has cancelled it already"
        if execution is not None and execution.finished_at is not None:
            return "the change has been made and is being watched: `podvigil rollback` asks for the old state"
        return None
    if spec.approval is not None:
        said = f"{spec.approval.approved_by or 'someone'} has said {spec.approval.decision} already"
        return f"{said}, and a decision is written once; `podvigil cancel` stops it"
    if now >= spec.plan.expires_at:
        return f"it expired at {spec.plan.expires_at:%Y-%m-%dT%H:%M:%SZ}: nobody can decide any more"
    if word is Word.APPROVE and request.status.preflight is None:
        return (
            "the executor has not looked at it yet, so nobody can know what would happen: "
            "wait a moment, or see whether it runs"
        )
    return None


def _no_rollback(request: RemediationRequest) -> str | None:
    execution = request.status.execution
    if execution is None or execution.finished_at is None:
        return "nothing has been changed; `podvigil cancel` stops it"
    if request.spec.rollback is not None:
        return f"{request.spec.rollback.requested_by or 'someone'} has asked for it already"
    back = find_condition(request.status.conditions, RequestCondition.ROLLED_BACK)
    if back is not None and back.reason == Reason.ROLLED_BACK:
        return f"it is back already: {back.message}"
    return None


def question(word: Word, seen: RemediationRequest) -> str:
    """Return what a person is asked before the word is said."""
    preflight = seen.status.preflight
    against = len(preflight.refusals) if preflight is not None and word is Word.APPROVE else 0
    despite = f", with {against} objection{'s' if against > 1 else ''}" if against else ""
    return f"{word.capitalize()} this{despite}?"


def what_follows(word: Word, name: str, seen: RemediationRequest) -> str:
    """Return what the word has done, and what comes of it as far as that was seen."""
    preflight = seen.status.preflight
    match word:
        case Word.APPROVE if seen.spec.plan.dry_run:
            return "approved, as a dry run: nothing is changed"
        case Word.APPROVE if preflight is not None and preflight.refusals:
            first = preflight.refusals[0]
            return (
                f"approved; not carried out while this stands against it: {first.reason}: {first.message} "
                f"(podvigil show {name})"
            )
        case Word.APPROVE:
            return "approved: the executor carries it out"
        case Word.DENY:
            return "denied"
        case Word.CANCEL:
            return "cancelled: what is under way stops at the next step"
        case Word.ROLLBACK:
            return "asked for: the executor puts back what is still ours"


def patch_of(word: Word, request: RemediationRequest, user: str, reason: str | None) -> dict[str, Any]:
    """Return the merge patch that says it, about the request exactly as it was seen."""
    why = {"reason": reason} if reason else {}
    match word:
        case Word.APPROVE:
            spec = {"approval": {"decision": "Approved", "approvedBy": user, **why}}
        case Word.DENY:
            spec = {"approval": {"decision": "Denied", "approvedBy": user, **why}}
        case Word.CANCEL:
            spec = {"cancellation": {"requestedBy": user, **why}}
        case Word.ROLLBACK:
            spec = {"rollback": {"requestedBy": user, **why}}
    return {"metadata": {"resourceVersion": request.metadata["resourceVersion"]}, "spec": spec}


def is_as_seen(seen: RemediationRequest, now: RemediationRequest) -> bool:
    """Return whether everything that was shown still stands; the time of a preflight may differ."""

    def shown(request: RemediationRequest) -> Any:
        found = request.status.preflight
        return (
            request.spec,
            found.model_copy(update={"checked_at": None}) if found else None,
            request.status.execution,
        )

    return bool(shown(seen) == shown(now))
