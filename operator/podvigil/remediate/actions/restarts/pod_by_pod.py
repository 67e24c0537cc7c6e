"""A workload with the update strategy OnDelete: its pods are evicted one at a time, each after the one before is back.

The uids of the pods that were there are kept in the change, so that whoever goes on after a crash knows which
are new. A pod that is not ready goes first, since it is away already; then the highest ordinal, as a
StatefulSet's own controller does.
"""

import re
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import ExecutionProgress, Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import Change, Disruption, Made, Progress, Rehearsal, Right
from podvigil.remediate.actions.restarts.eviction import rehearse_eviction, right_to_evict, try_eviction
from podvigil.remediate.actions.rollout import running_names
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.workload import WorkloadState

KEPT: Final = "pods"
"""Keys of the values that hold the old pods' uids: pods, pods-2, pods-3, …"""

PODS_MAX: Final = 100
"""One at a time, more would not be done within the time limit; and the status has room for their uids."""

UIDS_A_VALUE: Final = 25
"""36 characters and a space each: a value of the status holds 1024."""

LOOK_AGAIN: Final = timedelta(seconds=3)
"""While a pod leaves, or its successor becomes ready."""

SHOWN: Final = 10
"""Names listed as what is still to do."""


class PodByPod:
    """Evicts at most one pod at each step."""

    replaces_all = True

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """No right to delete: the eviction asks the budgets."""
        return (right_to_evict(target.ref.namespace),)

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """The new pods must be like the old ones, and all of them must be gone through in time."""
        if target.updated < target.replicas:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has the update strategy OnDelete, and {target.replicas - target.updated} of its "
                f"{target.replicas} pods are of an older revision: a restart would roll out what its owner has not",
            )
        if len(_there(target)) > PODS_MAX:
            return Refusal(
                Reason.UNSUPPORTED_TARGET,
                f"{target.ref} has {len(_there(target))} pods and the update strategy OnDelete: "
                f"more than {PODS_MAX} are not evicted one at a time",
            )
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Keep which pods are the old ones."""
        uids = [pod.uid for pod in _in_order(_there(target))]
        parts = [uids[i : i + UIDS_A_VALUE] for i in range(0, len(uids), UIDS_A_VALUE)]
        kept = {KEPT if n == 1 else f"{KEPT}-{n}": " ".join(part) for n, part in enumerate(parts, 1)}
        return Change(
            before={"restartedAt": "", **kept},
            after={"restartedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")},
            token=token,
        )

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Every pod goes once; one that is not ready is away already."""
        pods = _there(target)
        how = f"all {len(pods)} pods are evicted one at a time, each after the one before is ready again (OnDelete)"
        at_once = 1 if all(pod.ready for pod in pods) else 0
        return Disruption(len(pods), at_once, how, running_names(target))

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """The uids tell: none of them ever comes back."""
        old, there = _kept(change), _old(target, change)
        if not there:
            return Progress.DONE
        if len(there) < len(old):
            return Progress.UNDER_WAY
        return Progress.DUE if target.generation == plan.target.generation else Progress.FOREIGN

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Dry-run the first eviction; the others depend on how it goes."""
        order = _in_order(_there(target))
        if not order:
            return Rehearsal()
        names = ", then ".join(pod.name for pod in order)
        refusals = await rehearse_eviction(cluster, order[0])
        return Rehearsal((f"{target.ref}: evicted {names}"[:512],), refusals)

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Evict the next pod, unless the one before is not back yet."""
        left = _in_order(_old(target, change))
        total = len(_kept(change))
        if target.generation != plan.target.generation:
            was = f"{target.ref} was changed by someone else on the way, after {total - len(left)} of {total} pods"
            return Made(stop=Refusal(Reason.STALE_TARGET, f"{was}: a new pod would not be like the old ones"))
        waiting = _unsettled(target, change)
        if left and waiting is None:
            refusal = await try_eviction(cluster, left[0])
            if refusal is not None and refusal.retry_after is None:
                return Made(stop=refusal)
            waiting = refusal.message if refusal else f"Pod {left[0]} to leave"
        return Made(
            ExecutionProgress(
                total=total,
                done=total - len(left),
                remaining=tuple(str(pod) for pod in left[:SHOWN]),
                waiting_for=waiting,
            ),
            again=LOOK_AGAIN,
        )


def _there(target: WorkloadState) -> tuple[PodState, ...]:
    """Return the pods that a restart is about: its own, alive, and not on their way out."""
    return tuple(p for p in target.pods if target.owns(p) and not p.finished and not p.deleting)


def _kept(change: Change) -> frozenset[str]:
    values = (value for key, value in change.before.items() if key.startswith(KEPT))
    return frozenset(uid for value in values for uid in value.split())


def is_pod_by_pod(change: Change) -> bool:
    """Return whether a change is one of this way."""
    return KEPT in change.before


def _old(target: WorkloadState, change: Change) -> tuple[PodState, ...]:
    kept = _kept(change)
    return tuple(pod for pod in _there(target) if pod.uid in kept)


def _in_order(pods: tuple[PodState, ...]) -> tuple[PodState, ...]:
    return tuple(sorted(pods, key=lambda pod: (pod.ready, -_ordinal(pod.name), pod.name)))


def _ordinal(name: str) -> int:
    """Return the number at the end of a StatefulSet's pod; 0 for other pods."""
    number = re.search(r"-(\d+)$", name)
    return int(number[1]) if number else 0


def _unsettled(target: WorkloadState, change: Change) -> str | None:
    """Say which pod must come back before the next one goes; None: all are there."""
    if leaving := next((pod for pod in target.pods if pod.deleting and target.owns(pod)), None):
        return f"Pod {leaving} to leave"
    there = _there(target)
    if young := next((pod for pod in there if pod.uid not in _kept(change) and not pod.ready), None):
        return f"Pod {young}, which is new, to become ready"
    if len(there) < target.replicas:
        return f"{target.ref} to make {target.replicas - len(there)} new pod(s)"
    return None
