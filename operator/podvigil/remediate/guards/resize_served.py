"""Only a server of Kubernetes 1.33 or newer can resize a running pod."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def resize_served(ctx: Context, now: datetime) -> Refusal | None:
    """What the plan needs of the server is there; asked of its own list of resources, not of its version."""
    if ctx.limits.can_resize:
        return None
    return Refusal(
        Reason.RESIZE_UNAVAILABLE,
        "this API server has no pods/resize (Kubernetes 1.33 and newer have): use method Template",
    )
