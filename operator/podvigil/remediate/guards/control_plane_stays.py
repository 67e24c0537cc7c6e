"""The cluster itself runs on some nodes."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.guards.enough_nodes_left import TAKES_AWAY
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)


def control_plane_stays(ctx: Context, now: datetime) -> Refusal | None:
    """A control-plane node only while another one is ready, so never the last."""
    target = ctx.node
    if target is None or ctx.action not in TAKES_AWAY or not target.node.is_control_plane:
        return None
    others = [other for other in target.others if other.is_control_plane]
    if any(other.ready for other in others):
        return None
    how = f"none of the {len(others)} others is ready" if others else "there is no other"
    return Refusal(Reason.CONTROL_PLANE_NODE, f"{target.ref} is a control-plane node, and {how}", LOOK_AGAIN)
