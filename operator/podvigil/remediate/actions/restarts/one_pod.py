"""One stuck pod is evicted; its controller makes another. The others are left alone."""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.parameters import PodReference
from podvigil.api.reasons import Reason
from podvigil.api.request import ExecutionProgress, Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import Change, Disruption, Made, Progress, Rehearsal, Right
from podvigil.remediate.actions.restarts.eviction import rehearse_eviction, right_to_evict, try_eviction
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState

SEEN_AFTER: Final = timedelta(seconds=1)
"""Until the next look: the eviction's deletion timestamp is there by then."""


class OnePod:
    """Evicts the pod of the plan; the eviction carries its uid, so a namesake is never meant."""

    replaces_all = False

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """No right to delete: the eviction asks the budgets."""
        return (right_to_evict(target.ref.namespace, _wanted(plan).name),)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The pod must be there, and be one that the workload replaces."""
        wanted, pod = _wanted(plan), _find(target, plan)
        if pod is None or pod.deleting:
            gone = f"Pod {target.ref.namespace}/{wanted.name} (uid {wanted.uid}) is no pod of {target.ref}"
            is_leaving = f"Pod {pod} is being deleted already"
            return Refusal(Reason.STALE_TARGET, gone if pod is None else is_leaving)
        if pod.mirror:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"Pod {pod} is the mirror of a static pod: the kubelet owns it, and evicting it ends nothing",
            )
        if not target.owns(pod):
            whose = (
                f"is controlled by {pod.owner}" if pod.owner else "has no controller that would replace it"
            )
            return Refusal(Reason.UNSUPPORTED_TARGET, f"Pod {pod} is no pod of {target.ref}: it {whose}")
        if pod.finished:
            return Refusal(Reason.NO_CHANGE, f"Pod {pod} has finished ({pod.phase})")
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Name the pod that goes."""
        wanted = _wanted(plan)
        return Change(
            before={"pod": f"{wanted.name} (uid {wanted.uid})"}, after={"pod": "evicted"}, token=token
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """A pod that is not ready is away already: its eviction takes nothing from a budget."""
        pod = _find(target, plan)
        if pod is None:
            return Disruption(0, 0, "the pod is gone already")
        if not pod.ready:
            return Disruption(1, 0, f"Pod {pod}, which is not ready, is evicted and replaced", (str(pod),))
        return Disruption(1, 1, f"Pod {pod} is evicted and replaced", (str(pod),))

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The pod's uid tells: it never comes back."""
        pod = _find(target, plan)
        if pod is None or pod.deleting:
            return Progress.DONE
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the eviction: the server asks the budgets, as it will in earnest."""
        pod = _find(target, plan)
        if pod is None:
            return Rehearsal()
        lost = ", ".join(pod.empty_dirs)
        return Rehearsal(
            changes=(f"Pod {pod}: running → evicted, and replaced by {target.ref}"[:512],),
            refusals=await rehearse_eviction(cluster, pod),
            notes=(f"What is in the emptyDir volumes of {pod} is lost: {lost}"[:1024],) if lost else (),
        )

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Evict it; a budget without room is waited for."""
        pod = _find(target, plan)
        if pod is None:
            return Made()
        refusal = await try_eviction(cluster, pod)
        if refusal is None:
            return Made(again=SEEN_AFTER)
        if refusal.retry_after is None:
            return Made(stop=refusal)
        waits = ExecutionProgress(total=1, done=0, remaining=(str(pod),), waiting_for=refusal.message)
        return Made(waits, again=refusal.retry_after)


def _wanted(plan: Plan) -> PodReference:
    """Return the pod of the plan; without one another way is chosen."""
    if plan.parameters is None or plan.parameters.pod is None:
        raise ValueError("the restart of one pod has parameters.pod")
    return plan.parameters.pod


def _find(target: WorkloadState, plan: Plan) -> PodState | None:
    uid = _wanted(plan).uid
    return next((pod for pod in target.pods if pod.uid == uid), None)
