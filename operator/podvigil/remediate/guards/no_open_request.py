"""One question about a target at a time: two proposals for it at once ask a person to choose blindly."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=30)
"""It ends when a person decides, or when its time is over."""


def no_open_request(ctx: Context, now: datetime) -> Refusal | None:
    """No request for this target is open, whether it was decided about or not; asked at proposal only.

    Later an undecided one holds nobody back (`no_other_open_request`).
    """
    is_open = sorted(other.name for other in ctx.others if not other.is_finished)
    if not is_open:
        return None
    return Refusal(
        Reason.ALREADY_REMEDIATED, f"request {', '.join(is_open)} for {ctx.written()} is open", LOOK_AGAIN
    )
