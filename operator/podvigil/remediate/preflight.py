"""What would happen if the request were approved now: found out without changing anything."""

from datetime import datetime
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import BudgetTouched, Preflight, Reversibility
from podvigil.api.request import Refusal as ShownRefusal
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import BadRequest, Forbidden, Invalid
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.context import Context
from podvigil.remediate.differences import differences
from podvigil.remediate.guards import all_refusals
from podvigil.remediate.outcomes import past_success
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets import TargetState

POINTLESS: Final = frozenset(
    {
        Reason.TARGET_MISSING,
        Reason.STALE_TARGET,
        Reason.UNSUPPORTED_TARGET,
        Reason.NO_CHANGE,
        Reason.PERMISSION_MISSING,
    }
)
"""Objections after which a dry run has nothing to tell."""

LISTED_MAX: Final = 20
"""Bound of the lists in the schema."""


async def preflight(cluster: Cluster, ctx: Context, *, now: datetime) -> Preflight:
    """Collect every objection, and let the server dry-run the very patch that would be sent.

    Raises: ClusterError when the server cannot say: no answer is no preflight.
    """
    refusals = all_refusals(ctx, now)
    changes: tuple[str, ...] = ()
    if ctx.target is not None and not any(r.reason in POINTLESS for r in refusals):
        changes, refused = await dry_run(cluster, ctx, ctx.target, now=now)
        refusals += (refused,) if refused else ()
    return _written(ctx, changes, refusals, now)


async def dry_run(
    cluster: Cluster, ctx: Context, target: TargetState, *, now: datetime
) -> tuple[tuple[str, ...], Refusal | None]:
    """Return what the server says would change, or why it would refuse.

    Raises: ClusterError for what may pass: a conflict, a throttle, an outage.
    """
    action = ACTIONS[ctx.action]
    change = action.change(target, ctx.plan.parameters, token=ctx.uid, now=now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    ref = target.ref
    before = await cluster.get(target.resource, ref.name, ref.namespace, action.subresource)
    try:
        after = await action.execute(cluster, target, change, dry_run=True)
    except (BadRequest, Forbidden, Invalid) as error:
        return (), Refusal(Reason.DRY_RUN_REFUSED, f"the API server refuses a dry run: {error}"[:1024])
    return differences(before, after), None


def _written(
    ctx: Context, changes: tuple[str, ...], refusals: tuple[Refusal, ...], now: datetime
) -> Preflight:
    action, target = ACTIONS[ctx.action], ctx.target
    disruption = action.disruption(target, ctx.plan.parameters) if target else None
    outcomes = (ctx.monitor.status.outcomes if ctx.monitor else None) or ()
    return Preflight(
        checked_at=now.replace(microsecond=0),
        changes=changes,
        pods_disturbed=disruption.pods if disruption else 0,
        disruption=disruption.message if disruption else None,
        budgets=tuple(
            BudgetTouched(name=b.name, disruptions_allowed=b.disruptions_allowed)
            for b in ctx.budgets[:LISTED_MAX]
        ),
        refusals=tuple(
            ShownRefusal(reason=r.reason.value, message=r.message[:1024]) for r in refusals[:LISTED_MAX]
        ),
        reversibility=action.reversibility if target else Reversibility.NOTHING_TO_UNDO,
        way_back=action.way_back(target) if target else "There is no target.",
        past_success=past_success(outcomes, ctx.plan.report.signal, ctx.action),
    )
