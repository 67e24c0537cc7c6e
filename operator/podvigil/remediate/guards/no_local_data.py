"""What a pod keeps in an emptyDir goes with the pod."""

from datetime import datetime

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.actions.drain.filters import Fate, named, sort_pods
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def no_local_data(ctx: Context, now: datetime) -> Refusal | None:
    """No pod that a drain must move has emptyDir volumes, unless the plan says that they may be lost."""
    if ctx.node is None or ctx.action != ActionName.DRAIN:
        return None
    holding = sort_pods(ctx.node, ctx.plan)[Fate.LOCAL_DATA]
    if not holding:
        return None
    return Refusal(
        Reason.LOCAL_DATA,
        f"{len(holding)} pods have emptyDir volumes: {named(holding)}; "
        "a plan with parameters.drain.deleteEmptyDirData evicts them too",
    )
