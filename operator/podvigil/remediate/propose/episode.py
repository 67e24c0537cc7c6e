"""What was asked already in a report's present episode, how that stands, and when the same may be asked again. Pure.

A request that ended with nothing learnt of its effect leaves the trouble without an answer: somebody changed the
target while it waited, so that its plan was stale, or the change could not be carried out. Then the same action may
be asked again, by a request of another number. How often and how soon is bounded: what an autoscaler changes every
minute would else be asked about every minute.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.conditions import find_condition
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, RequestReference
from podvigil.api.request import Decision, RemediationRequest, RequestCondition
from podvigil.remediate.propose.request import name_of
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import outcome_of

NEXT_AFTER: Final = frozenset({Reason.INEFFECTIVE, Reason.HARMFUL})
"""Ends of a request after which the next action is proposed while the same episode lasts. After a no, and when
nobody decided, a person knows of it: nobody is asked about the same episode twice."""

ATTEMPTS: Final = 10
"""Requests for the same action in one episode; by then four hours have gone by."""

FIRST_PAUSE: Final = timedelta(minutes=1)
"""From a request's end to the next one for the same action; it doubles with each further one."""

LONGEST_PAUSE: Final = timedelta(hours=1)

Asked = Mapping[str, tuple[RemediationRequest, ...]]
"""The requests of an episode by action, the first one first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The request that answers an episode."""

    request: RequestReference
    message: str
    """How it stands, for the report's condition."""


def asked_in(report: AnomalyReport, requests: Iterable[RemediationRequest]) -> Asked:
    """Return the requests that were made for the report's present episode.

    Args:
        requests: of the report's target.
    """
    found: dict[str, list[tuple[int, RemediationRequest]]] = {}
    for request in requests:
        number = number_of(request, report)
        if number is not None:
            found.setdefault(request.spec.plan.action, []).append((number, request))
    return {
        action: tuple(request for _, request in sorted(numbered, key=lambda pair: pair[0]))
        for action, numbered in found.items()
    }


def number_of(request: RemediationRequest, report: AnomalyReport) -> int | None:
    """Return which of its action's requests in the present episode this is, from 1; None: it is none of them."""
    action, name = request.spec.plan.action, request.metadata["name"]
    return next((n for n in range(1, ATTEMPTS + 1) if name_of(report, action, n) == name), None)


def answer_of(report: AnomalyReport, requests: Iterable[RemediationRequest]) -> RemediationRequest | None:
    """Return the request that answers the report's present episode; None while another may be proposed.

    Args:
        requests: of the report's target.
    """
    asked = sorted(
        (request for same in asked_in(report, requests).values() for request in same),
        key=lambda r: (str(r.metadata.get("creationTimestamp", "")), r.metadata["name"]),
    )
    if not asked or outcome_of(asked[-1]) in NEXT_AFTER or may_be_asked_again(asked[-1]):
        return None
    return asked[-1]


def may_be_asked_again(request: RemediationRequest) -> bool:
    """Return whether a request ended without a person's word, and without its effect having been seen."""
    if request.status.finished_at is None:
        return False
    summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    executed = find_condition(request.status.conditions, RequestCondition.EXECUTED)
    if summary is None or executed is None:
        return False
    if summary.reason == Reason.REFUSED:
        return executed.reason == Reason.STALE_TARGET
    return summary.reason == Reason.FAILED


def too_soon(
    earlier: tuple[RemediationRequest, ...], report: AnomalyReport, cooldown: timedelta, now: datetime
) -> Refusal | None:
    """Say why an action is not asked about yet again in the same episode.

    Args:
        earlier: the episode's requests for the action, of which the last one says nothing about it.
        cooldown: what was begun is left alone for so long, as after any change.
    """
    if not earlier or earlier[-1].status.finished_at is None:
        return None
    last, ended_at = earlier[-1], earlier[-1].status.finished_at
    reason = Reason.FAILED if _end(last)[0] == Reason.FAILED else Reason.STALE_TARGET
    number = number_of(last, report) or ATTEMPTS
    if number >= ATTEMPTS:
        return Refusal(
            reason, f"it was asked {number} times in this episode, and a person must look: {standing(last)}"
        )
    pause = min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE)
    execution = last.status.execution
    if execution is not None and execution.stopped_at is not None:
        pause = max(pause, cooldown)
    until = ended_at + pause
    if now >= until:
        return None
    return Refusal(
        reason, f"{standing(last)}; it may be asked again at {until:%Y-%m-%dT%H:%M:%SZ}", until - now
    )


def answer(request: RemediationRequest) -> Answer:
    """Return what a report says of the request that answers it."""
    metadata = request.metadata
    return Answer(RequestReference(name=metadata["name"], uid=metadata["uid"]), standing(request))


def standing(request: RemediationRequest) -> str:
    """Say how a request stands, or how it ended."""
    name, approval = f"RemediationRequest {request.metadata['name']}", request.spec.approval
    if request.status.finished_at is not None:
        outcome, why = _end(request)
        return f"{name} ended {outcome}: {why}" if why else f"{name} ended {outcome}"
    if approval is None:
        return f"{name} waits for a decision"
    return f"{name} was approved" if approval.decision is Decision.APPROVED else f"{name} was denied"


def _end(request: RemediationRequest) -> tuple[str, str]:
    """Return how a request ended, and why."""
    summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    return (summary.reason, summary.message) if summary else ("without a word", "")
