"""What keeps failing is not tried again and again."""

from datetime import datetime

from podvigil.remediate.observe.context import Context
from podvigil.remediate.propose.backoff import backing_off
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.outcomes import trouble_of


def not_recurring(ctx: Context, now: datetime) -> Refusal | None:
    """The action has not failed twice in a row against this trouble, or that is long enough ago."""
    return backing_off(ctx.memory.of(trouble_of(ctx.request), ctx.action), now)
