"""Restart: replace pods by new ones of the same template.

parameters.pod is given                  that pod is evicted             restarts/one_pod.py
an Argo Rollout                          spec.restartAt                  restarts/argo.py
update strategy OnDelete                 one eviction after the other    restarts/pod_by_pod.py
any other                                annotations of the template     restarts/rolling.py
"""

from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.api.resources import ROLLOUTS
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    TIME_LIMIT,
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    Undo,
)
from podvigil.remediate.actions.restarts.argo import ArgoRestart
from podvigil.remediate.actions.restarts.one_pod import OnePod
from podvigil.remediate.actions.restarts.pod_by_pod import PodByPod, is_pod_by_pod
from podvigil.remediate.actions.restarts.rolling import Rolling
from podvigil.remediate.actions.restarts.way import Way
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import ON_DELETE, WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload

ONE_POD: Final = OnePod()
ARGO: Final = ArgoRestart()
POD_BY_POD: Final = PodByPod()
ROLLING: Final = Rolling()

POD_BY_POD_TIME: Final = timedelta(hours=1)
"""For all pods one after the other. A plan does not tell how many there are; most are done in minutes, and a
successor that never becomes ready ends it here at the latest."""


class Restart:
    """Chooses the way, and says what is common to all of them."""

    name: str = ActionName.RESTART
    reversibility = Reversibility.NOTHING_TO_UNDO

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """Those of the way."""
        return _way(target, plan).rights(target, plan)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """There must be pods; then the way's own."""
        if target.replicas == 0:
            return Refusal(Reason.NO_CHANGE, f"{target.ref} has no pods to restart: 0 replicas are wanted")
        return _way(target, plan).objection(target, plan)

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """As the way writes it."""
        return _way(target, plan).change(target, plan, token=token, now=now)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """As the way disturbs them."""
        return _way(target, plan).disruption(target, plan)

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """Nothing is left behind."""
        return "Nothing to undo: the new pods are of the same template, but for the mark that restarts them."

    def time_limit(self, plan: Plan) -> timedelta:
        """One call, or one pod after the other; a rollout that follows belongs to the validation."""
        return TIME_LIMIT if plan.parameters and plan.parameters.pod else POD_BY_POD_TIME

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """As the way sees it."""
        return _way(target, plan, change).progress(target, plan, change)

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """A restart cannot be taken back, and need not be."""
        return Undo.NOTHING

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the new pods."""
        target, at_once, replaces_all = effect.target, 0, True
        if isinstance(target, WorkloadState):
            way = _way(target, effect.plan)
            replaces_all = way.replaces_all
            at_once = target.strategy.unavailable_at_once if replaces_all else 1
        return judge_workload(effect, at_once=at_once, replaces_pods=replaces_all, now=now)

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the way's calls."""
        return await _way(target, plan, change).rehearse(cluster, target, plan, change)

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Go the way, or its next step."""
        return await _way(target, plan, change).execute(cluster, target, plan, change)

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Never called: `undo` is always NOTHING."""
        raise AssertionError("a restart has nothing to undo")


def _way(target: WorkloadState, plan: Plan, change: Change | None = None) -> Way:
    """Choose; what has begun one way goes on that way, whatever the strategy is by now."""
    if plan.parameters is not None and plan.parameters.pod is not None:
        return ONE_POD
    if target.ref.kind == ROLLOUTS.kind:
        return ARGO
    if is_pod_by_pod(change) if change else target.strategy.kind == ON_DELETE:
        return POD_BY_POD
    return ROLLING
