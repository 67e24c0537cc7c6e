"""A request as a person reads it before deciding: what, why, how much it disturbs, and the way back. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.conditions import find_condition
from podvigil.api.durations import write_duration
from podvigil.api.request import Execution, Preflight, RemediationRequest, RequestCondition

UNPRINTABLE: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that moves the cursor, hides, or shows nothing."""


def printable(text: str) -> str:
    """Replace what would not be seen as it stands: a newline or an escape sequence in a requester's text could
    forge, hide or overwrite what the executor found out.
    """
    return "".join(c if c.isprintable() else UNPRINTABLE for c in text)


def lines(request: RemediationRequest, now: datetime) -> Iterator[str]:
    """Yield the whole request, each line as it may be printed."""
    yield from map(printable, _lines(request, now))


def _lines(request: RemediationRequest, now: datetime) -> Iterator[str]:
    plan, status = request.spec.plan, request.status
    yield f"{plan.action} {target(request)}"
    yield f"  why        {plan.message}"
    answered = f"{plan.report.name} ({plan.report.signal})" if plan.report else "none"
    yield f"  report     {answered}, monitor {plan.monitor}"
    yield f"  asked by   {request.spec.requested_by}"
    yield f"  state      {state(request)}"
    if status.finished_at is None:
        left = plan.expires_at - now
        when = f"in {write_duration(left)}" if left.total_seconds() > 0 else "already"
        yield f"  expires    {plan.expires_at:%Y-%m-%dT%H:%M:%SZ} ({when})"
    if plan.dry_run:
        yield "  dry run    nothing is changed, also after an approval"
    if status.preflight is not None:
        yield from _preflight(status.preflight)
    if status.execution is not None:
        yield from _execution(status.execution)


def target(request: RemediationRequest) -> str:
    """Name the target, e.g. `Deployment shop/cart`."""
    about = request.spec.plan.target
    where = "" if about.kind in CLUSTER_SCOPED else f"{request.metadata['namespace']}/"
    return f"{about.kind} {where}{about.name}"


def state(request: RemediationRequest) -> str:
    """Say where it stands, as the executor sums it up."""
    summary = find_condition(request.status.conditions, RequestCondition.SUCCEEDED)
    if summary is None:
        return "new: the executor has not looked at it yet"
    return f"{summary.reason}: {summary.message}"


def _preflight(found: Preflight) -> Iterator[str]:
    yield f"  preflight  checked {found.checked_at:%Y-%m-%dT%H:%M:%SZ}, by a dry run on the API server"
    yield from _listed("change", found.changes)
    yield f"  disturbs   {found.disruption or 'no pod'}"
    yield from _listed("pod", found.pods)
    budgets = (f"{b.name} allows {b.disruptions_allowed} more" for b in found.budgets)
    yield from _listed("budget", tuple(budgets))
    yield f"  way back   {found.reversibility}: {found.way_back}"
    yield f"  before     {found.past_success}"
    yield from _listed("note", found.notes)
    yield from _listed("OBJECTION", tuple(f"{r.reason}: {r.message}" for r in found.refusals))


def _execution(execution: Execution) -> Iterator[str]:
    if execution.progress is not None and execution.finished_at is None:
        progress = execution.progress
        yield f"  progress   {progress.done} of {progress.total} done"
        yield from _listed("left", progress.remaining)
        if progress.waiting_for:
            yield f"  waits for  {progress.waiting_for}"
    if execution.stopped_message:
        yield f"  given up   {execution.stopped_reason}: {execution.stopped_message}"


def _listed(name: str, values: tuple[str, ...]) -> Iterator[str]:
    for value in values:
        yield f"  {name:<10} {value}"
