"""What became of past actions: counted from finished requests, told to whoever has to decide."""

from collections import Counter
from collections.abc import Iterable

from podvigil.api.conditions import find_condition
from podvigil.api.monitor import OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest, RequestCondition
from podvigil.api.signals import Signal
from podvigil.remediate.effect import OUTCOMES


def outcome_of(request: RemediationRequest) -> Reason | None:
    """Return how an executed request ended; None while it has not, or when nothing was changed."""
    summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    if request.status.finished_at is None or summary is None:
        return None
    return next((outcome for outcome in OUTCOMES if outcome == summary.reason), None)


def add_outcomes(
    counts: Iterable[OutcomeCount], finished: Iterable[RemediationRequest]
) -> tuple[OutcomeCount, ...]:
    """Return the counts with these requests added, sorted; each request is to be given once, ever."""
    attempts: Counter[tuple[Signal, str]] = Counter()
    succeeded: Counter[tuple[Signal, str]] = Counter()
    for count in counts:
        attempts[count.signal, count.action] += count.attempts
        succeeded[count.signal, count.action] += count.succeeded
    for request in finished:
        outcome, key = outcome_of(request), (request.spec.plan.report.signal, request.spec.plan.action)
        attempts[key] += outcome is not None
        succeeded[key] += outcome is Reason.SUCCEEDED
    return tuple(
        OutcomeCount(
            signal=signal,
            action=action,
            attempts=attempts[signal, action],
            succeeded=succeeded[signal, action],
        )
        for signal, action in sorted(attempts)
        if attempts[signal, action]
    )


def past_success(counts: Iterable[OutcomeCount], signal: Signal, action: str) -> str:
    """Return a sentence such as `Restart helped in 4 of 5 cases of MemoryHigh here.`"""
    known = next((c for c in counts if c.signal is signal and c.action == action), None)
    if known is None or known.attempts == 0:
        return f"This is the first time that {action} is tried for {signal} here."
    return f"{action} helped in {known.succeeded} of {known.attempts} cases of {signal} here."
