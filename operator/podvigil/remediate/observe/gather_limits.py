"""Reads what bounds the resources of a namespace's pods, for the actions that need it. "Not served" is "none"."""

import asyncio
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.request import Plan
from podvigil.api.resources import LIMITRANGES, PODS, RESOURCEQUOTAS, VERTICALPODAUTOSCALERS, Resource
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import NotFound
from podvigil.remediate.observe.limits import Limits, bounds, quota, setting_resources
from podvigil.remediate.values.container_values import asked

COUNTED: Final = frozenset(
    {ActionName.SCALE, ActionName.SET_RESOURCES, ActionName.RESTART, ActionName.ROLLBACK}
)
"""Actions that add pods, if only while a rollout surges, or give them more."""


async def gather_limits(cluster: Cluster, plan: Plan, namespace: str) -> Limits:
    """Read them. Raises: ClusterError when something cannot be seen."""
    if plan.action not in COUNTED:
        return Limits()
    quotas, ranges = await asyncio.gather(
        cluster.list(RESOURCEQUOTAS, namespace), cluster.list(LIMITRANGES, namespace)
    )
    found = Limits(
        quotas=tuple(sorted(map(quota, quotas), key=lambda q: q.name)),
        bounds=tuple(item for body in sorted(ranges, key=_name) for item in bounds(body)),
    )
    if plan.action != ActionName.SET_RESOURCES:
        return found
    verticals, can_resize = await asyncio.gather(
        _list_if_served(cluster, VERTICALPODAUTOSCALERS, namespace), _can_resize(cluster, plan)
    )
    return Limits(
        found.quotas,
        found.bounds,
        setting_resources(verticals, plan.target, asked(plan).container),
        can_resize,
    )


async def _list_if_served(cluster: Cluster, resource: Resource, namespace: str) -> list[dict[str, Any]]:
    try:
        return await cluster.list(resource, namespace)
    except NotFound:
        return []


async def _can_resize(cluster: Cluster, plan: Plan) -> bool:
    return asked(plan).method is ResourceMethod.TEMPLATE or await cluster.serves(PODS, "resize")


def _name(body: dict[str, Any]) -> str:
    return str(body["metadata"]["name"])
