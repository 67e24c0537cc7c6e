"""What somebody else declares is changed where it is declared: anything else starts a fight."""

from datetime import datetime

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.ownership.claims import claims
from podvigil.remediate.refusal import Refusal


def not_owned_elsewhere(ctx: Context, now: datetime) -> Refusal | None:
    """Nobody would put back what the action writes."""
    if ctx.workload is None:
        return None
    found = claims(ctx.plan, ctx.workload)
    if not found:
        return None
    return Refusal(Reason.OWNED_ELSEWHERE, "; ".join(map(str, found))[:1024])
