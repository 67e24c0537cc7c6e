"""What a drain would meet, found out by a dry run of every eviction."""

import asyncio
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import Plan
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import BadRequest, Forbidden, Invalid
from podvigil.remediate.actions.base import Rehearsal
from podvigil.remediate.actions.drain.filters import Fate, named, options_of, sort_pods
from podvigil.remediate.actions.eviction import Answer, Said, evict
from podvigil.remediate.placement.fit import claims
from podvigil.remediate.refusal import Refusal, dry_run_refused
from podvigil.remediate.targets.node import NodeState
from podvigil.remediate.targets.pods import PodState

TRIED_MAX: Final = 200
"""Dry runs in one preflight: above what most nodes hold (110 pods by default)."""

SHOWN_MAX: Final = 5
"""Objections and waits quoted from the API server."""


async def rehearse_evictions(cluster: Cluster, target: NodeState, plan: Plan) -> Rehearsal:
    """Return what the API server says to each eviction, and what a person should know besides.

    Raises: ClusterError when it cannot say: a throttle, an outage.
    """
    pods = sort_pods(target, plan)[Fate.EVICT]
    tried = pods[:TRIED_MAX]
    said = await asyncio.gather(*(_try(cluster, pod) for pod in tried))
    refusals = [answer for answer in said if isinstance(answer, Refusal)]
    waits = [
        f"{pod} waits for its budget: {answer.message}"
        for pod, answer in zip(tried, said, strict=True)
        if isinstance(answer, Answer) and answer.said is Said.BLOCKED
    ]
    notes = waits[:SHOWN_MAX]
    if len(waits) > SHOWN_MAX:
        notes.append(f"{len(waits) - SHOWN_MAX} more pods wait for their budgets")
    if len(pods) > len(tried):
        notes.append(f"only the first {TRIED_MAX} of {len(pods)} evictions were tried")
    return Rehearsal(refusals=tuple(refusals[:SHOWN_MAX]), notes=(*notes, *_storage(pods, plan)))


async def _try(cluster: Cluster, pod: PodState) -> Answer | Refusal:
    try:
        answer = await evict(cluster, pod, dry_run=True)
    except (BadRequest, Forbidden, Invalid) as error:
        return dry_run_refused(error)
    if answer.said is Said.NEVER:
        return Refusal(Reason.EVICTION_IMPOSSIBLE, f"pod {pod} can never be evicted: {answer.message}")
    return answer


def _storage(pods: tuple[PodState, ...], plan: Plan) -> list[str]:
    """What the pods keep on this node, or take along."""
    notes = []
    emptied = [pod for pod in pods if pod.empty_dirs and not pod.finished]
    if emptied and options_of(plan).delete_empty_dir_data:
        notes.append(f"emptyDir data of {named(emptied)} is lost")
    hosted = [pod for pod in pods if any("hostPath" in v for v in pod.body["spec"].get("volumes") or ())]
    if hosted:
        notes.append(f"what {named(hosted)} keep in hostPath volumes stays on this node")
    attached = [pod for pod in pods if claims(pod)]
    if attached:
        notes.append(f"volumes of {named(attached)} must be attached elsewhere, which takes time")
    return notes
