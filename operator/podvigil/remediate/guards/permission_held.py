"""Each action is a Role of its own, and a cluster's owner may grant only some."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)


def permission_held(ctx: Context, now: datetime) -> Refusal | None:
    """Our ServiceAccount may make the change."""
    if ctx.is_permitted or ctx.target is None:
        return None
    subresource = ACTIONS[ctx.action].subresource
    what = ctx.target.resource.plural + (f"/{subresource}" if subresource else "")
    return Refusal(
        Reason.PERMISSION_MISSING,
        f"the executor's ServiceAccount may not patch {what} in {ctx.namespace}: bind the Role for {ctx.action}",
        LOOK_AGAIN,
    )
