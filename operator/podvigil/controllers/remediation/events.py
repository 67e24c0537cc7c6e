"""What is said about a request under `kubectl describe`; each thing once for each request."""

from dataclasses import dataclass

from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import ObjectRef
from podvigil.cluster.events import EventType
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.steps import Conclude, Finish, GiveUp, Settle


@dataclass(frozen=True, slots=True)
class Said:
    """One event; the same reason is not repeated for the same request within ten minutes."""

    about: ObjectRef
    type: EventType
    reason: Reason
    message: str


def _about(request: RemediationRequest) -> ObjectRef:
    metadata = request.metadata
    return ObjectRef(
        request.api_version, request.kind, metadata["name"], metadata["namespace"], metadata["uid"]
    )


def held_back(request: RemediationRequest, refusal: Refusal) -> Said:
    """A request waits."""
    return Said(_about(request), EventType.WARNING, refusal.reason, f"Held back: {refusal.message}")


def preflight_done(request: RemediationRequest, *, passed: bool, reason: Reason, message: str) -> Said:
    """A person can decide now."""
    return Said(_about(request), EventType.NORMAL if passed else EventType.WARNING, reason, message)


def executing(request: RemediationRequest, what: str) -> Said:
    """The change is being made."""
    return Said(_about(request), EventType.NORMAL, Reason.EXECUTING, what)


def executed(request: RemediationRequest, what: str) -> Said:
    """The change was made."""
    return Said(_about(request), EventType.NORMAL, Reason.EXECUTED, what)


def given_up(request: RemediationRequest, step: GiveUp) -> Said:
    """The change ends on the way."""
    return Said(_about(request), EventType.WARNING, step.reason, f"Given up: {step.message}")


def concluded(request: RemediationRequest, step: Conclude) -> Said:
    """The effect is judged."""
    good = step.verdict.outcome is Reason.SUCCEEDED
    return Said(
        _about(request),
        EventType.NORMAL if good else EventType.WARNING,
        step.verdict.outcome,
        step.verdict.message,
    )


def settled(request: RemediationRequest, step: Settle) -> Said:
    """The rollback is over."""
    good = step.rolled_back or step.reason is Reason.NOTHING_TO_UNDO
    return Said(_about(request), EventType.NORMAL if good else EventType.WARNING, step.reason, step.message)


def finished(request: RemediationRequest, step: Finish) -> Said:
    """The request ended without a change."""
    calm = step.outcome in (Reason.SUCCEEDED, Reason.DENIED, Reason.EXPIRED, Reason.DRY_RUN_ONLY)
    return Said(
        _about(request),
        EventType.NORMAL if calm else EventType.WARNING,
        step.outcome,
        step.message if step.reason is step.outcome else f"{step.reason}: {step.message}",
    )
