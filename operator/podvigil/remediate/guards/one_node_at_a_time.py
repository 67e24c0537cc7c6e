"""Two nodes away at once is how a repair becomes an outage."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.guards.enough_nodes_left import TAKES_AWAY
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=10)


def one_node_at_a_time(ctx: Context, now: datetime) -> Refusal | None:
    """No other node is cordoned by us, and no request about another node goes first.

    Exactly one of several goes first (`OtherRequest.rank`), so they cannot wait for each other.
    """
    target = ctx.node
    if target is None or ctx.action not in TAKES_AWAY:
        return None
    cordoned = sorted(other.name for other in target.others if other.cordoned_by)
    if cordoned:
        return Refusal(
            Reason.ANOTHER_NODE,
            f"node {', '.join(cordoned)} is still cordoned by a request of Podvigil: uncordon it first",
            LOOK_AGAIN,
        )
    first = sorted(
        f"{other.name} (node {other.target})"
        for other in ctx.elsewhere
        if (other.is_approved or other.is_claimed) and not other.is_finished and other.rank < ctx.rank
    )
    if not first:
        return None
    return Refusal(
        Reason.ANOTHER_NODE, f"another node comes first, by request {', '.join(first)}", LOOK_AGAIN
    )
