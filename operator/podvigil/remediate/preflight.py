"""What would happen if the request were approved now: found out without changing anything."""

from datetime import datetime
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import BudgetTouched, Preflight, Reversibility
from podvigil.api.request import Refusal as ShownRefusal
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Rehearsal
from podvigil.remediate.guards import all_refusals
from podvigil.remediate.observe.context import Context
from podvigil.remediate.ownership.claims import notes
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import past_success, trouble_of

POINTLESS: Final = frozenset(
    {
        Reason.TARGET_MISSING,
        Reason.STALE_TARGET,
        Reason.ACTION_UNKNOWN,
        Reason.PERMISSION_MISSING,
        Reason.RESIZE_UNAVAILABLE,
    }
)
"""Objections of guards after which a dry run has nothing to tell; `rehearse` asks the action for its own."""

LISTED_MAX: Final = 20
"""Bound of the lists in the schema."""

NOTES_MAX: Final = 10


async def preflight(cluster: Cluster, ctx: Context, *, now: datetime) -> Preflight:
    """Collect every objection, and let the server dry-run the very calls that would be made.

    Raises: ClusterError when the server cannot say: no answer is no preflight.
    """
    refusals = all_refusals(ctx, now)
    found = Rehearsal()
    if ctx.target is not None and not any(r.reason in POINTLESS for r in refusals):
        found = await rehearse(cluster, ctx, now=now)
    # What a guard has said already, the server need not say again.
    said = {refusal.reason for refusal in refusals}
    return _written(ctx, found, refusals + tuple(r for r in found.refusals if r.reason not in said), now)


async def rehearse(cluster: Cluster, ctx: Context, *, now: datetime) -> Rehearsal:
    """Return what the server says to a dry run of the change, or what the action objects.

    An action need not be able to say what it would do where it cannot be done: the objection is asked first.

    Raises: ClusterError for what may pass: a conflict, a throttle, an outage.
    """
    action, target = ACTIONS[ctx.action], ctx.target
    if target is None:
        raise ValueError("nothing is rehearsed on a target that is not there")
    if objection := action.objection(target, ctx.plan):
        return Rehearsal(refusals=(objection,))
    change = action.change(target, ctx.plan, token=ctx.uid, now=now)
    return await action.rehearse(cluster, target, ctx.plan, change)


def _written(ctx: Context, found: Rehearsal, refusals: tuple[Refusal, ...], now: datetime) -> Preflight:
    action, target = ACTIONS.get(ctx.action), ctx.target
    disruption = action.disruption(target, ctx.plan) if action and target else None
    owned = notes(ctx.plan, ctx.workload) if ctx.workload else ()
    return Preflight(
        checked_at=now.replace(microsecond=0),
        changes=found.changes,
        pods_disturbed=disruption.pods if disruption else 0,
        disruption=disruption.message if disruption else None,
        pods=disruption.names[:LISTED_MAX] if disruption else (),
        budgets=tuple(
            BudgetTouched(name=b.name, namespace=b.namespace, disruptions_allowed=b.disruptions_allowed)
            for b in ctx.budgets[:LISTED_MAX]
        ),
        notes=tuple(note[:1024] for note in (*found.notes, *owned)[:NOTES_MAX]),
        refusals=tuple(
            ShownRefusal(reason=r.reason.value, message=r.message[:1024]) for r in refusals[:LISTED_MAX]
        ),
        reversibility=action.reversibility if action and target else Reversibility.NOTHING_TO_UNDO,
        way_back=action.way_back(target, ctx.plan) if action and target else "There is no target.",
        past_success=past_success(ctx.memory, trouble_of(ctx.request), ctx.action),
        expires_at=ctx.plan.expires_at,
    )
