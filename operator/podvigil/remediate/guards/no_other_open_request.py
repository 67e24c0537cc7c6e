"""One change at a time for each target."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=10)


def no_other_open_request(ctx: Context, now: datetime) -> Refusal | None:
    """No other approved request for this target goes first; an undecided one holds nobody back.

    Exactly one of several goes first (`OtherRequest.rank`), so they cannot wait for each other.
    """
    first = sorted(
        other.name
        for other in ctx.others
        if (other.is_approved or other.is_claimed) and not other.is_finished and other.rank < ctx.rank
    )
    if not first:
        return None
    return Refusal(
        Reason.ALREADY_REMEDIATED,
        f"{ctx.written()} is being changed by request {', '.join(first)}",
        LOOK_AGAIN,
    )
