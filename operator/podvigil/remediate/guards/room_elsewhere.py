"""Pods that find no other node are not moved, they are ended."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.actions.drain.filters import Fate, named, sort_pods
from podvigil.remediate.observe.context import Context
from podvigil.remediate.placement.fit import homeless
from podvigil.remediate.refusal import Refusal

LOOK_AGAIN: Final = timedelta(seconds=60)

SHOWN_MAX: Final = 5


def room_elsewhere(ctx: Context, now: datetime) -> Refusal | None:
    """The other nodes have room for all pods of this one at once, and none of its workloads waits for room already."""
    target = ctx.node
    if target is None or ctx.action != ActionName.DRAIN:
        return None
    around = target.around
    if around.homeless:
        return Refusal(
            Reason.NO_ROOM, f"the scheduler finds no node for {named(around.homeless)} already", LOOK_AGAIN
        )
    if around.spaces is None:
        return None  # begun: now the pods themselves show it, and the drain waits for them
    moving = [pod for pod in sort_pods(target, ctx.plan)[Fate.EVICT] if not pod.finished]
    left = homeless(moving, around.spaces, around.volumes)
    if not left:
        return None
    shown = ", ".join(map(str, left[:SHOWN_MAX])) + (" …" if len(left) > SHOWN_MAX else "")
    return Refusal(
        Reason.NO_ROOM,
        f"{len(left)} of {len(moving)} pods would find no room on the {len(around.spaces)} other nodes: {shown}",
        LOOK_AGAIN,
    )
