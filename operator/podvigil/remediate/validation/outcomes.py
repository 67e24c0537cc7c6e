"""What became of past actions, by signal, action and target: counted from requests that have ended. Pure.

The counts live in the monitor's status and outlive the requests, which go with their reports. A request is counted
when it ended later than the last one counted for the same signal, action and target; counts and that moment are
one write. So a crash counts none twice, and a second process that counts the same comes to the same. For what had
to be forgotten for lack of room, `forgotten_until` stands in.

A success is not for good: a trouble of the same signal that comes back within `recurrenceWindow` turns it into a
failure, at whichever is seen first, the report's new episode or a request made for it. So does a person who wants
the old state back: the attempt is counted once, and as one that did not help.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.durations import write_duration
from podvigil.api.monitor import MonitorStatus
from podvigil.api.outcomes import OUTCOMES_MAX, OutcomeCount
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport, ReportCondition
from podvigil.api.request import RemediationRequest, RequestCondition
from podvigil.api.signals import Signal
from podvigil.remediate.validation.effect import OUTCOMES

TAKEN_BACK: Final = frozenset({Reason.ROLLED_BACK, Reason.ROLLBACK_FAILED})
"""A person wanted the old state back, and got it or not: whatever was judged, the change did not help."""

COUNTED: Final = OUTCOMES | TAKEN_BACK | {Reason.DENIED, Reason.FAILED}
"""Ends of a request that teach something; all others mean that nothing was changed, or nothing was judged. A Failed
one teaches only if its change was begun and given up, and not because somebody else changed the target meanwhile."""


class Trouble(NamedTuple):
    """What an action was taken against: one signal of one target."""

    signal: Signal
    namespace: str
    kind: str
    name: str


class Learnt(NamedTuple):
    """One thing that was counted, for the metrics."""

    action: str
    signal: Signal
    outcome: Reason
    """One of COUNTED, or Recurring for a success that did not last."""


@dataclass(frozen=True, slots=True)
class Memory:
    """All counts of one monitor."""

    counts: tuple[OutcomeCount, ...] = ()
    forgotten_until: datetime | None = None
    """When the latest request ended that is no longer among the counts."""

    def of(self, trouble: Trouble | None, action: str) -> OutcomeCount | None:
        """Return the count of one action against one trouble, if there is any."""
        return next((c for c in self.counts if c.action == action and trouble_of_count(c) == trouble), None)


NOTHING_LEARNT: Final = Memory()


def memory_of(status: MonitorStatus) -> Memory:
    """Read the memory that a monitor's status holds."""
    return Memory(status.outcomes or (), status.outcomes_forgotten_until)


def trouble_of(request: RemediationRequest) -> Trouble | None:
    """Return what a request answers; None: no report, and so there is nothing to learn from it."""
    plan = request.spec.plan
    if plan.report is None:
        return None
    return Trouble(plan.report.signal, str(request.metadata["namespace"]), plan.target.kind, plan.target.name)


def trouble_of_report(report: AnomalyReport) -> Trouble:
    """Return what a report is about."""
    target = report.spec.target
    return Trouble(report.spec.signal, str(report.metadata["namespace"]), target.kind, target.name)


def trouble_of_count(count: OutcomeCount) -> Trouble:
    """Return what a count is about."""
    return Trouble(count.signal, count.namespace, count.kind, count.target)


def outcome_of(request: RemediationRequest) -> Reason | None:
    """Return how a request ended, if that teaches something; None while it has not ended."""
    summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    if request.status.finished_at is None or summary is None:
        return None
    if summary.reason == Reason.FAILED and not _was_given_up(request):
        return None
    return next((outcome for outcome in COUNTED if outcome == summary.reason), None)


def _was_given_up(request: RemediationRequest) -> bool:
    execution = request.status.execution
    return (
        execution is not None
        and execution.stopped_at is not None
        and execution.stopped_reason != Reason.STALE_TARGET
    )


def learn(
    memory: Memory, requests: Iterable[RemediationRequest], *, window: timedelta
) -> tuple[Memory, tuple[Learnt, ...]]:
    """Count the requests that have ended and were not counted yet.

    Args:
        requests: any of the monitor's, in any order; but all of a trouble, or none of it.
        window: within which a trouble that comes back makes a success a failure.
    """
    counts = {(trouble_of_count(c), c.action): c for c in memory.counts}
    known: list[Learnt] = []
    ended = [(r.status.finished_at, r) for r in requests if r.status.finished_at]
    for ended_at, request in sorted(ended, key=lambda pair: pair[0]):
        trouble, action, outcome = trouble_of(request), request.spec.plan.action, outcome_of(request)
        if trouble is None:
            continue
        count = counts.get((trouble, action))
        counted_until = count.last_outcome_time if count else memory.forgotten_until
        if outcome is None or (counted_until is not None and ended_at <= counted_until):
            continue
        # That there is a request means that the trouble was back, whatever helped before.
        known += _came_back(counts, trouble, datetime.fromisoformat(_created(request, ended_at)), window)
        count = counts.get((trouble, action)) or _blank(trouble, action)
        if outcome in TAKEN_BACK and (judged := _counted_before(request, count)):
            counts[trouble, action] = _corrected(count, judged, ended_at)
        else:
            counts[trouble, action] = _with(count, outcome, ended_at)
        known.append(Learnt(action, trouble.signal, outcome))
    return _bounded(counts.values(), memory.forgotten_until), tuple(known)


def notice_recurrences(
    memory: Memory, reports: Iterable[AnomalyReport], *, window: timedelta
) -> tuple[Memory, tuple[Learnt, ...]]:
    """Say of each success whether it lasted, as far as the beginnings of the present episodes tell."""
    counts = {(trouble_of_count(c), c.action): c for c in memory.counts}
    known: list[Learnt] = []
    for report in reports:
        if (at := _back_since(report)) is not None:
            known += _came_back(counts, trouble_of_report(report), at, window)
    if counts == {(trouble_of_count(c), c.action): c for c in memory.counts}:
        return memory, ()
    return _bounded(counts.values(), memory.forgotten_until), tuple(known)


def _back_since(report: AnomalyReport) -> datetime | None:
    """Return when the present episode began, or became a report, if that was later.

    The first sign of it may have come before a success was judged, by a report that was still closed; it was opened
    after that, since an open one is no success.
    """
    active = find_condition(report.status.conditions, ReportCondition.ACTIVE)
    first_seen = report.status.first_seen
    if first_seen is None or active is None or active.status is not ConditionStatus.TRUE:
        return first_seen
    return max(first_seen, active.last_transition_time)


def past_success(memory: Memory, trouble: Trouble | None, action: str) -> str:
    """Return a sentence such as `Restart helped in 4 of 5 cases of MemoryHigh here, last recurrence after 6h.`"""
    if trouble is None:
        return "It answers no report: whether it helps is not counted."
    own = memory.of(trouble, action)
    if own is not None and own.attempts:
        return f"{action} helped in {own.succeeded} of {own.attempts} cases of {trouble.signal} here{_rest(own)}."
    denied = f" It was denied {own.denied} times." if own is not None and own.denied else ""
    elsewhere = [c for c in memory.counts if c.signal is trouble.signal and c.action == action and c.attempts]
    if not elsewhere:
        return f"This is the first time that {action} is tried for {trouble.signal} here.{denied}"
    succeeded, attempts = sum(c.succeeded for c in elsewhere), sum(c.attempts for c in elsewhere)
    return (
        f"This is the first time that {action} is tried for {trouble.signal} here; "
        f"for other targets it helped in {succeeded} of {attempts} cases.{denied}"
    )


def _rest(count: OutcomeCount) -> str:
    said = ""
    if count.inconclusive:
        said += f", {count.inconclusive} could not be judged"
    if count.last_recurrence_after:
        said += f", last recurrence after {count.last_recurrence_after}"
    if count.denied:
        said += f", denied {count.denied} times"
    return said


Counts = dict[tuple[Trouble, str], OutcomeCount]


def _came_back(counts: Counts, trouble: Trouble, at: datetime, window: timedelta) -> list[Learnt]:
    """Settle every success against this trouble that came before `at`: it lasted, or it did not."""
    known = []
    for key, count in counts.items():
        helped = count.last_success_time
        if key[0] != trouble or helped is None or at <= helped:
            continue
        if at - helped > window:
            counts[key] = count.model_copy(update={"last_success_time": None, "failures_in_a_row": 0})
            continue
        counts[key] = count.model_copy(
            update={
                "succeeded": max(0, count.succeeded - 1),
                "recurred": count.recurred + 1,
                "failures_in_a_row": count.failures_in_a_row + 1,
                "last_success_time": None,
                "last_failure_time": at,
                "last_recurrence_after": write_duration(at - helped),
            }
        )
        known.append(Learnt(count.action, count.signal, Reason.RECURRING))
    return known


def _with(count: OutcomeCount, outcome: Reason, ended_at: datetime) -> OutcomeCount:
    changes: dict[str, object] = {"last_outcome_time": ended_at}
    if outcome is Reason.DENIED:
        changes |= {"denied": count.denied + 1, "last_denied_time": ended_at}
        return count.model_copy(update=changes)
    changes["attempts"] = count.attempts + 1
    if outcome is Reason.SUCCEEDED:
        changes |= {"succeeded": count.succeeded + 1, "last_success_time": ended_at}
    elif outcome is Reason.INCONCLUSIVE:
        changes["inconclusive"] = count.inconclusive + 1
    else:
        changes |= {"failures_in_a_row": count.failures_in_a_row + 1, "last_failure_time": ended_at}
    return count.model_copy(update=changes)


def _counted_before(request: RemediationRequest, count: OutcomeCount) -> Reason | None:
    """Return as what a request that was taken back had been counted when it ended for the first time."""
    judged = find_condition(request.status.conditions, RequestCondition.VALIDATED)
    counted_until = count.last_outcome_time
    if judged is None or counted_until is None or counted_until < judged.last_transition_time:
        return None
    return next((outcome for outcome in OUTCOMES if outcome == judged.reason), None)


def _corrected(count: OutcomeCount, judged: Reason, ended_at: datetime) -> OutcomeCount:
    """Turn the attempt that was counted into one that did not help.

    What counted as such already stays, and so does a success that was found to have lasted.
    """
    changes: dict[str, object] = {"last_outcome_time": ended_at}
    if judged is Reason.SUCCEEDED and count.last_success_time is not None:
        changes |= {"succeeded": max(0, count.succeeded - 1), "last_success_time": None}
    elif judged is Reason.INCONCLUSIVE:
        changes["inconclusive"] = max(0, count.inconclusive - 1)
    else:
        return count.model_copy(update=changes)
    changes |= {"failures_in_a_row": count.failures_in_a_row + 1, "last_failure_time": ended_at}
    return count.model_copy(update=changes)


def _blank(trouble: Trouble, action: str) -> OutcomeCount:
    return OutcomeCount(
        signal=trouble.signal,
        action=action,
        namespace=trouble.namespace,
        kind=trouble.kind,
        target=trouble.name,
    )


def _bounded(counts: Iterable[OutcomeCount], forgotten_until: datetime | None) -> Memory:
    """Keep those with the latest outcomes, sorted so that an unchanged memory is written the same."""
    latest: Sequence[OutcomeCount] = sorted(
        counts, key=lambda c: c.last_outcome_time.timestamp() if c.last_outcome_time else 0.0, reverse=True
    )
    forgotten = [c.last_outcome_time for c in latest[OUTCOMES_MAX:] if c.last_outcome_time]
    if forgotten_until is not None:
        forgotten.append(forgotten_until)
    kept = sorted(latest[:OUTCOMES_MAX], key=lambda c: (trouble_of_count(c), c.action))
    return Memory(tuple(kept), max(forgotten, default=None))


def _created(request: RemediationRequest, otherwise: datetime) -> str:
    return str(request.metadata.get("creationTimestamp") or otherwise.isoformat())
