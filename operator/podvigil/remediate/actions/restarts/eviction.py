"""One pod's eviction, as the ways that evict ask for it: an objection, or none."""

from podvigil.api.reasons import Reason
from podvigil.api.resources import PODS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import BadRequest, Forbidden, Invalid
from podvigil.remediate.actions.base import Right
from podvigil.remediate.actions.eviction import Said, evict
from podvigil.remediate.refusal import Refusal, dry_run_refused
from podvigil.remediate.targets.pods import PodState


def right_to_evict(namespace: str | None, name: str | None = None) -> Right:
    """Return the right to evict one pod, or every pod of a namespace."""
    return Right("create", PODS, namespace, name, "eviction")


async def try_eviction(cluster: Cluster, pod: PodState, *, dry_run: bool = False) -> Refusal | None:
    """Evict this very pod.

    Returns:
        None when it is accepted or the pod is gone; a budget's objection, with a time to look again; the
        objection that waiting does not help against, without one.

    Raises: ClusterError for what says nothing about the pod.
    """
    answer = await evict(cluster, pod, dry_run=dry_run)
    if answer.said in (Said.BLOCKED, Said.NEVER):
        again = answer.retry_after if answer.said is Said.BLOCKED else None
        return Refusal(Reason.BUDGET_BLOCKS, f"Pod {pod} cannot be evicted: {answer.message}"[:1024], again)
    return None


async def rehearse_eviction(cluster: Cluster, pod: PodState) -> tuple[Refusal, ...]:
    """Return what the server objects to in a dry run. Raises: ClusterError when it cannot say."""
    try:
        refusal = await try_eviction(cluster, pod, dry_run=True)
    except (BadRequest, Forbidden, Invalid) as error:
        refusal = dry_run_refused(error)
    return (refusal,) if refusal else ()
