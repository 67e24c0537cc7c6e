"""Each action is a Role of its own, and a cluster's owner may grant only some."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)


def permission_held(ctx: Context, now: datetime) -> Refusal | None:
    """Our ServiceAccount may make the change."""
    if not ctx.missing_rights:
        return None
    return Refusal(
        Reason.PERMISSION_MISSING,
        f"the executor's ServiceAccount may not {', '.join(ctx.missing_rights)}: bind the Role for {ctx.action}",
        LOOK_AGAIN,
    )
