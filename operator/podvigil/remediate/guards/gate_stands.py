"""Without a standing approval gate an approval means nothing."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=5)
"""Policies take effect within three seconds of being applied; a person applies them."""


def gate_stands(ctx: Context, now: datetime) -> Refusal | None:
    """The server refuses decisions by those without the right, us included."""
    if ctx.gate.standing:
        return None
    return Refusal(ctx.gate.reason, ctx.gate.message, LOOK_AGAIN)
