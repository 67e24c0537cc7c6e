"""A pod that nobody would make anew is lost when it is evicted."""

from datetime import datetime

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.actions.drain.filters import Fate, named, sort_pods
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def no_bare_pods(ctx: Context, now: datetime) -> Refusal | None:
    """Every pod that a drain must move has a controller; kubectl drain refuses them too, without --force."""
    if ctx.node is None or ctx.action != ActionName.DRAIN:
        return None
    pods = sort_pods(ctx.node, ctx.plan)
    bare = pods[Fate.BARE] + pods[Fate.ORPHAN]
    if not bare:
        return None
    return Refusal(
        Reason.BARE_PODS,
        f"{len(bare)} pods have no controller that would make them anew: {named(bare)}; delete them, or give them one",
    )
