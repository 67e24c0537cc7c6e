"""Reads a CronJob, and the Jobs that requests made from it."""

from podvigil.api.report import TargetReference
from podvigil.api.resources import CRONJOBS, JOBS
from podvigil.cluster.client import Cluster
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.cronjob import CronJobState, cronjob_state


async def observe_cronjob(cluster: Cluster, ref: TargetReference, namespace: str) -> CronJobState | None:
    """Read it; None when it is not there. Raises: ClusterError when it cannot be seen."""
    body = await cluster.find(CRONJOBS, ref.name, namespace)
    if body is None:
        return None
    jobs = await cluster.list(JOBS, namespace, label_selector=TOKEN)
    return cronjob_state({"apiVersion": CRONJOBS.api_version, "kind": CRONJOBS.kind, **body}, jobs)
