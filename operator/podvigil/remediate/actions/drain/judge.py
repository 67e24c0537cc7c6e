"""What became of a drain: did the pods that moved find a place, and did the trouble stay behind?

In the order in which it is asked at each look, until the window ends:

    the node is gone or replaced                                       Inconclusive
    a pod finds no node, for longer than an autoscaler takes to add one   Harmful
    otherwise                                                          look again
  and when the window has ended:
    a pod finds no node, or fewer pods are ready than before           Harmful
    it answers no report                                               Succeeded
    judged inactive since the drain                                    Succeeded
    the node itself is not ready, or no fresh report                   Inconclusive: it stays cordoned
    the report is active: the trouble has moved along                  Ineffective
"""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions.drain.filters import named
from podvigil.remediate.targets.node import NodeState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import still_active

AUTOSCALER_TIME: Final = timedelta(minutes=2)
"""A cluster autoscaler has usually added a node by then."""


def judge_drain(effect: Effect, *, now: datetime) -> Verdict | None:
    """Say what became of the drain; None: look again."""
    target = effect.target
    if not isinstance(target, NodeState):
        return Verdict(Reason.INCONCLUSIVE, "the node is gone, or another one has its name")
    is_over = now >= effect.until
    if harm := _harm(effect, target, is_over=is_over, now=now):
        return Verdict(Reason.HARMFUL, harm)
    if not is_over:
        return None
    if effect.plan.report is None:
        return Verdict(Reason.SUCCEEDED, "the pods that moved are ready")
    is_active = still_active(effect, now)
    if is_active is False:
        return Verdict(
            Reason.SUCCEEDED, "the report is not active any more, and the pods that moved are ready"
        )
    if not target.node.ready:
        return Verdict(
            Reason.INCONCLUSIVE, "the pods that moved are ready; the node itself is not, and stays cordoned"
        )
    if is_active is None:
        return Verdict(
            Reason.INCONCLUSIVE,
            "the window ended without a fresh report since the drain; the pods that moved are ready",
        )
    return Verdict(Reason.INEFFECTIVE, "the pods have moved, and the report is still active")


def _harm(effect: Effect, target: NodeState, *, is_over: bool, now: datetime) -> str | None:
    waiting = [
        pod
        for pod in target.around.homeless
        if is_over or (pod.homeless_since is not None and now - pod.homeless_since > AUTOSCALER_TIME)
    ]
    if waiting:
        return f"no node has room for {named(waiting)}"
    before, after = effect.baseline, target.health
    if not is_over or after.ready_replicas >= min(before.ready_replicas, after.replicas):
        return None
    lacking = [f"{w.name} ({w.ready} of {w.wanted})" for w in target.around.workloads if w.ready < w.wanted]
    return (
        f"{after.ready_replicas} of {after.replicas} pods are ready, {before.ready_replicas} were before the drain: "
        f"{', '.join(lacking[:5])}"
    )
