"""Reads the namespace of a target, for the comparison with what was not changed."""

import asyncio

from podvigil.api.request import Plan
from podvigil.api.resources import ANOMALYREPORTS, DAEMONSETS, DEPLOYMENTS, REMEDIATIONREQUESTS, STATEFULSETS
from podvigil.cluster.client import Cluster
from podvigil.remediate.validation.siblings import Neighbourhood, neighbourhood


async def observe_siblings(cluster: Cluster, plan: Plan, namespace: str) -> Neighbourhood:
    """List the namespace's workloads, its reports of the same signal, and its requests. Raises: ClusterError."""
    signal = f"spec.signal={plan.report.signal.value}" if plan.report else None
    deployments, stateful_sets, daemon_sets, reports, requests = await asyncio.gather(
        cluster.list(DEPLOYMENTS, namespace),
        cluster.list(STATEFULSETS, namespace),
        cluster.list(DAEMONSETS, namespace),
        cluster.list(ANOMALYREPORTS, namespace, field_selector=signal),
        cluster.list(REMEDIATIONREQUESTS, namespace),
    )
    workloads = [*deployments, *stateful_sets, *daemon_sets]
    return neighbourhood(plan.target, list(workloads), list(reports), list(requests))
