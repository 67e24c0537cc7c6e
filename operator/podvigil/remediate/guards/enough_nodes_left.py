"""A node is taken out of service only while enough others are in it."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

TAKES_AWAY: Final = frozenset({ActionName.CORDON.value, ActionName.DRAIN.value})
"""Actions after which a node takes no pods."""

NODES_LEFT: Final = 2
"""With a single one left its failure is an outage, and replicas that are spread over nodes have nowhere to go."""

LOOK_AGAIN: Final = timedelta(seconds=60)


def enough_nodes_left(ctx: Context, now: datetime) -> Refusal | None:
    """At least two other nodes are ready, not cordoned, and without a taint that keeps ordinary pods out."""
    target = ctx.node
    if target is None or ctx.action not in TAKES_AWAY:
        return None
    left = sum(other.takes_pods for other in target.others)
    if left >= NODES_LEFT:
        return None
    return Refusal(
        Reason.TOO_FEW_NODES,
        f"{left} of the {len(target.others)} other nodes take pods; at least {NODES_LEFT} must",
        LOOK_AGAIN,
    )
