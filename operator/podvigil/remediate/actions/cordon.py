"""Cordon: keep new pods off a node; what runs there stays."""

from datetime import datetime
from typing import Any

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
from podvigil.remediate.actions.nodes import patch_node, written
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.node import CORDONED_BY, NodeState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import still_active


class Cordon(OnePatch[NodeState]):
    """Sets `spec.unschedulable`, and in the same patch an annotation that says by which request."""

    name: str = ActionName.CORDON
    reversibility = Reversibility.REVERSIBLE

    def objection(self, target: NodeState, plan: Plan) -> Refusal | None:
        """A node can be cordoned once."""
        if not target.node.unschedulable:
            return None
        return Refusal(Reason.NO_CHANGE, f"{target.ref} is cordoned already")

    def change(self, target: NodeState, plan: Plan, *, token: str, now: datetime) -> Change:
        """One field."""
        return Change({"unschedulable": written(target.node.unschedulable)}, {"unschedulable": "true"}, token)

    def disruption(self, target: NodeState, plan: Plan) -> Disruption:
        """Running pods do not notice."""
        return Disruption(0, 0, "no running pod is disturbed; new ones go to other nodes")

    def way_back(self, target: NodeState, plan: Plan) -> str:
        """The old value."""
        return "The node is uncordoned, while it is still cordoned by this request."

    def progress(self, target: NodeState, plan: Plan, change: Change) -> Progress:
        """The annotation tells whose cordon it is; nodes have no generation."""
        if target.node.cordoned_by == change.token:
            return Progress.DONE
        # Our mark without the cordon: somebody uncordoned the node right after us.
        is_undone = target.annotations.get(CORDONED_BY) == change.token
        return Progress.FOREIGN if target.node.unschedulable or is_undone else Progress.DUE

    def undo(self, target: NodeState, plan: Plan, change: Change) -> Undo:
        """Only our own cordon."""
        if not target.node.unschedulable:
            return Undo.DONE
        return Undo.DUE if target.node.cordoned_by == change.token else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report; a node that stays ill stays cordoned, since that is what cordoning is for."""
        if not isinstance(effect.target, NodeState):
            return Verdict(Reason.INCONCLUSIVE, "the node is gone, or another one has its name")
        if now < effect.until:
            return None
        if effect.plan.report is None:
            return Verdict(Reason.SUCCEEDED, "the node takes no new pods")
        if still_active(effect, now) is False:
            return Verdict(
                Reason.SUCCEEDED, "the report is not active any more, and the node takes no new pods"
            )
        return Verdict(
            Reason.INCONCLUSIVE,
            "the node takes no new pods; what runs there stays, and so may its trouble: the cordon is left in place",
        )

    async def send(
        self, cluster: Cluster, target: NodeState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Cordon, and say by whose request."""
        return await patch_node(
            cluster, target, {CORDONED_BY: change.token}, unschedulable=True, dry_run=dry_run
        )

    async def rollback(self, cluster: Cluster, target: NodeState, plan: Plan, change: Change) -> None:
        """Take the cordon and the annotation away together."""
        await patch_node(cluster, target, {CORDONED_BY: None}, unschedulable=False, dry_run=False)
