"""Drain: cordon the node, evict what can move, wait until it is gone; on the way back only our own cordon is undone."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.durations import parse_duration
from podvigil.api.reasons import Reason
from podvigil.api.request import ExecutionProgress, Plan, Reversibility
from podvigil.api.resources import PODS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import BadRequest, ClusterError, Forbidden, Invalid
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Made,
    Progress,
    Rehearsal,
    Right,
    Undo,
    rehearse_patch,
    right_to_patch,
)
from podvigil.remediate.actions.drain.filters import STAYS, STOPS, Fate, Sorted, named, options_of, sort_pods
from podvigil.remediate.actions.drain.judge import judge_drain
from podvigil.remediate.actions.drain.kept import pack
from podvigil.remediate.actions.drain.order import next_evictions
from podvigil.remediate.actions.drain.rehearse import rehearse_evictions
from podvigil.remediate.actions.eviction import BUDGET_PAUSE, Answer, Said, evict
from podvigil.remediate.actions.nodes import DRAINED_BY, patch_node, written
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.node import CORDONED_BY, NodeState
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.validation.effect import Effect, Verdict

PODS_BEFORE: Final = "pods"
"""How many pods were to move when the drain was claimed."""

LOOK_AGAIN: Final = timedelta(seconds=2)
"""While pods end: most do within their grace period of 30 s."""

NAMED: Final = 10
"""Pods named in the progress; bound of the schema."""

BLOCKED_SHOWN: Final = 3
"""Pods whose budgets are quoted: the others mostly wait for the same."""


class Drain:
    """Many steps: the mark and the cordon in one patch, then a few evictions at each `execute`."""

    name: str = ActionName.DRAIN
    reversibility = Reversibility.REVERSIBLE

    def rights(self, target: NodeState, plan: Plan) -> tuple[Right, ...]:
        """The pods may be in any namespace."""
        return (right_to_patch(target), Right("create", PODS, subresource="eviction"))

    def objection(self, target: NodeState, plan: Plan) -> Refusal | None:
        """There is something to cordon or to evict."""
        if not target.node.unschedulable or sort_pods(target, plan).remaining:
            return None
        return Refusal(Reason.NO_CHANGE, f"{target.ref} is cordoned already, and no pod on it could move")

    def change(self, target: NodeState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep how many pods there were, and whose: those controllers are looked at afterwards."""
        remaining = sort_pods(target, plan).remaining
        kept = pack(standing.name for standing in target.around.workloads)
        was = {"unschedulable": written(target.node.unschedulable), PODS_BEFORE: str(len(remaining))}
        return Change(was | kept, {"unschedulable": "true"}, token)

    def disruption(self, target: NodeState, plan: Plan) -> Disruption:
        """Every pod that moves; their budgets say how many at once."""
        pods = sort_pods(target, plan)
        stay = ", ".join(f"{len(pods[fate])} {fate.value}" for fate in Fate if fate in STAYS and pods[fate])
        count = len(pods.remaining)
        how = f"{count} {'pod is' if count == 1 else 'pods are'} evicted, as fast as their budgets allow"
        return Disruption(
            count, count, how + (f"; left alone: {stay}" if stay else ""), tuple(map(str, pods.remaining))
        )

    def way_back(self, target: NodeState, plan: Plan) -> str:
        """Pods that moved are not moved back."""
        if target.node.unschedulable:
            return "The node was cordoned before and stays so; pods that have moved stay where they are."
        return (
            "The node is uncordoned, while it is still cordoned by this request; pods that have moved stay."
        )

    def time_limit(self, plan: Plan) -> timedelta:
        """As the plan says."""
        return parse_duration(options_of(plan).timeout)

    def progress(self, target: NodeState, plan: Plan, change: Change) -> Progress:
        """Our mark says that it was begun, the pods how far it came."""
        if target.annotations.get(DRAINED_BY) != change.token:
            return Progress.DUE
        if not target.node.unschedulable:
            return Progress.FOREIGN  # somebody uncordoned it, and wants pods there
        pods = sort_pods(target, plan)
        return Progress.UNDER_WAY if pods.remaining or pods.stopping else Progress.DONE

    def undo(self, target: NodeState, plan: Plan, change: Change) -> Undo:
        """The cordon, if it is ours; nobody is sent back."""
        if change.before["unschedulable"] == written(True):
            return Undo.NOTHING
        if not target.node.unschedulable:
            return Undo.DONE
        return Undo.DUE if target.node.cordoned_by == change.token else Undo.NOT_OURS

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report, and by what became of the pods that moved."""
        return judge_drain(effect, now=now)

    async def rehearse(self, cluster: Cluster, target: NodeState, plan: Plan, change: Change) -> Rehearsal:
        """Dry-run the cordon and every eviction."""

        async def call(*, dry_run: bool) -> dict[str, Any]:
            return await _begin(cluster, target, change, dry_run=dry_run)

        cordoned = await rehearse_patch(cluster, target, call)
        evicted = await rehearse_evictions(cluster, target, plan)
        return Rehearsal(cordoned.changes, cordoned.refusals + evicted.refusals, evicted.notes)

    async def execute(self, cluster: Cluster, target: NodeState, plan: Plan, change: Change) -> Made:
        """Mark and cordon; or evict a few more."""
        pods = sort_pods(target, plan)
        if target.annotations.get(DRAINED_BY) != change.token:
            await _begin(cluster, target, change, dry_run=False)
            return Made(_progress(pods, change))
        if pods.stopping:
            return Made(_progress(pods, change), stop=_stopped_by(pods))
        if target.around.homeless:
            room = f"room for {named(target.around.homeless)}: no node takes them"
            return Made(_progress(pods, change, room), again=BUDGET_PAUSE)
        batch = next_evictions(pods[Fate.EVICT], pods[Fate.LEAVING], target.around)
        return _made(pods, change, await _evict_all(cluster, batch))

    async def rollback(self, cluster: Cluster, target: NodeState, plan: Plan, change: Change) -> None:
        """Take the cordon and the marks away together."""
        marks = {CORDONED_BY: None, DRAINED_BY: None}
        await patch_node(cluster, target, marks, unschedulable=False, dry_run=False)


async def _begin(cluster: Cluster, target: NodeState, change: Change, *, dry_run: bool) -> dict[str, Any]:
    if target.node.unschedulable:  # somebody else's cordon: it does not become ours
        return await patch_node(cluster, target, {DRAINED_BY: change.token}, dry_run=dry_run)
    marks = {DRAINED_BY: change.token, CORDONED_BY: change.token}
    return await patch_node(cluster, target, marks, unschedulable=True, dry_run=dry_run)


async def _evict_all(cluster: Cluster, batch: tuple[PodState, ...]) -> list[tuple[PodState, Answer]]:
    """Evict side by side, as many as the cluster's client has threads. Every answer is waited for.

    Raises: ClusterError, the first that will not pass (400, 403, 422), else the first that may.
    """
    said = await asyncio.gather(
        *(evict(cluster, pod, dry_run=False) for pod in batch), return_exceptions=True
    )
    errors = sorted((found for found in said if isinstance(found, BaseException)), key=_weight)
    if errors:
        raise errors[0]
    return [(pod, answer) for pod, answer in zip(batch, said, strict=True) if isinstance(answer, Answer)]


def _weight(error: BaseException) -> int:
    """A bug first, then what ends the drain, then what may pass."""
    if not isinstance(error, ClusterError):
        return 0
    return 1 if isinstance(error, BadRequest | Forbidden | Invalid) else 2


def _made(pods: Sorted, change: Change, answers: list[tuple[PodState, Answer]]) -> Made:
    for pod, answer in answers:
        if answer.said is Said.NEVER:
            stop = Refusal(Reason.EVICTION_IMPOSSIBLE, f"pod {pod} can never be evicted: {answer.message}")
            return Made(_progress(pods, change), stop=stop)
    blocked = [(pod, answer) for pod, answer in answers if answer.said is Said.BLOCKED]
    if not blocked:
        return Made(_progress(pods, change, _ending(pods)), again=LOOK_AGAIN)
    waiting = "; ".join(f"{pod}: {answer.message}" for pod, answer in blocked[:BLOCKED_SHOWN])
    pause = max(answer.retry_after for _, answer in blocked)
    return Made(_progress(pods, change, waiting), again=pause)


def _ending(pods: Sorted) -> str | None:
    leaving = pods[Fate.LEAVING]
    return f"the end of {named(leaving)}" if leaving else None


def _progress(pods: Sorted, change: Change, waiting_for: str | None = None) -> ExecutionProgress:
    total, remaining = int(change.before[PODS_BEFORE]), pods.remaining
    return ExecutionProgress(
        total=max(total, len(remaining)),
        done=max(0, total - len(remaining)),
        remaining=tuple(map(str, remaining[:NAMED])),
        waiting_for=waiting_for[:1024] if waiting_for else None,
    )


def _stopped_by(pods: Sorted) -> Refusal:
    fate = next(fate for fate in Fate if fate in STOPS and pods[fate])
    reason = Reason.LOCAL_DATA if fate is Fate.LOCAL_DATA else Reason.BARE_PODS
    return Refusal(reason, f"pods {fate.value}: {named(pods[fate])}")
