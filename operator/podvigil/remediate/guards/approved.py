"""A person said yes."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import Decision
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)
"""Only in case the watch is late: a decision is noticed when it is made."""


def approved(ctx: Context, now: datetime) -> Refusal | None:
    """The plan is immutable and the decision write-once, so a yes is a yes to exactly this."""
    match ctx.decision:
        case Decision.APPROVED:
            return None
        case Decision.DENIED:
            return Refusal(Reason.DENIED, "a person said no")
        case None:
            return Refusal(Reason.NOT_APPROVED, "nobody has approved yet", LOOK_AGAIN)
