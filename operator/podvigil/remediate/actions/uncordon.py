"""Uncordon: let a node take pods again, whoever cordoned it: the plan names the node, and a person approves."""

from datetime import datetime
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Progress,
    Undo,
)
from podvigil.remediate.actions.nodes import DRAINED_BY, patch_node, written
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.node import CORDONED_BY, NodeState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import still_active

UNCORDONED_BY: Final = "podvigil.io/uncordoned-by"
"""Annotation: UID of the request that uncordoned the node, so that a person's later cordon is left alone."""


class Uncordon(OnePatch[NodeState]):
    """Removes `spec.unschedulable` and our marks of an earlier Cordon or Drain."""

    name: str = ActionName.UNCORDON
    reversibility = Reversibility.REVERSIBLE

    def objection(self, target: NodeState, plan: Plan) -> Refusal | None:
        """There must be a cordon."""
        if target.node.unschedulable:
            return None
        return Refusal(Reason.NO_CHANGE, f"{target.ref} is not cordoned")

    def change(self, target: NodeState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep who had cordoned it, for the way back."""
        return Change(
            {"unschedulable": written(target.node.unschedulable), "cordonedBy": target.node.cordoned_by},
            {"unschedulable": "false", "cordonedBy": ""},
            token,
        )

    def disruption(self, target: NodeState, plan: Plan) -> Disruption:
        """Running pods do not notice."""
        return Disruption(0, 0, "no running pod is disturbed; new ones may come to this node")

    def way_back(self, target: NodeState, plan: Plan) -> str:
        """Cordoned again."""
        return "The node is cordoned again; pods that came meanwhile stay."

    def progress(self, target: NodeState, plan: Plan, change: Change) -> Progress:
        """A cordon over our own mark is a newer one, and not what was judged."""
        if not target.node.unschedulable:
            return Progress.DONE
        return Progress.FOREIGN if _is_ours(target, change) else Progress.DUE

    def undo(self, target: NodeState, plan: Plan, change: Change) -> Undo:
        """Only while the node is as we left it."""
        if target.node.unschedulable:
            return Undo.DONE
        return Undo.DUE if _is_ours(target, change) else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report; a node that is not ready again must not take pods."""
        if not isinstance(effect.target, NodeState):
            return Verdict(Reason.INCONCLUSIVE, "the node is gone, or another one has its name")
        if now < effect.until:
            return None
        if not effect.target.node.ready:
            return Verdict(Reason.HARMFUL, "the node takes pods, and is not ready")
        if effect.plan.report is None:
            return Verdict(Reason.SUCCEEDED, "the node takes pods, and is ready")
        match still_active(effect, now):
            case False:
                return Verdict(Reason.SUCCEEDED, "the report is not active any more, and the node takes pods")
            case True:
                return Verdict(Reason.INEFFECTIVE, "the window ended and the report is still active")
        return Verdict(
            Reason.INCONCLUSIVE, "the window ended without a fresh report about the node since the change"
        )

    async def send(
        self, cluster: Cluster, target: NodeState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Uncordon, and take the marks of earlier requests away."""
        marks = {UNCORDONED_BY: change.token, CORDONED_BY: None, DRAINED_BY: None}
        return await patch_node(cluster, target, marks, unschedulable=False, dry_run=dry_run)

    async def rollback(self, cluster: Cluster, target: NodeState, plan: Plan, change: Change) -> None:
        """Cordon again, in the name of the request that had."""
        marks = {UNCORDONED_BY: None, CORDONED_BY: change.before["cordonedBy"] or None}
        await patch_node(cluster, target, marks, unschedulable=True, dry_run=False)


def _is_ours(target: NodeState, change: Change) -> bool:
    return target.annotations.get(UNCORDONED_BY) == change.token
