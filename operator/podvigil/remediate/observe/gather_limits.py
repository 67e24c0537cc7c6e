"""Reads what bounds the resources of a namespace's pods, for the actions that need it. "Not served" is "none"."""

import asyncio

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.request import Plan
from podvigil.api.resources import LIMITRANGES, PODS, RESOURCEQUOTAS, VERTICALPODAUTOSCALERS
from podvigil.cluster.client import Cluster
from podvigil.remediate.observe.limits import NO_LIMITS, Limits
from podvigil.remediate.observe.place import COUNTED, Place, limits_of, list_if_served
from podvigil.remediate.values.container_values import asked


async def gather_limits(cluster: Cluster, plan: Plan, namespace: str) -> Limits:
    """Read them, and no more than the plan's action needs. Raises: ClusterError when something cannot be seen."""
    if plan.action not in COUNTED:
        return NO_LIMITS
    quotas, ranges = await asyncio.gather(
        cluster.list(RESOURCEQUOTAS, namespace), cluster.list(LIMITRANGES, namespace)
    )
    if plan.action != ActionName.SET_RESOURCES:
        return limits_of(plan, Place(quotas=tuple(quotas), ranges=tuple(ranges)))
    verticals, can_resize = await asyncio.gather(
        list_if_served(cluster, VERTICALPODAUTOSCALERS, namespace), _can_resize(cluster, plan)
    )
    place = Place((), (), tuple(quotas), tuple(ranges), tuple(verticals), can_resize)
    return limits_of(plan, place)


async def _can_resize(cluster: Cluster, plan: Plan) -> bool:
    return asked(plan).method is ResourceMethod.TEMPLATE or await cluster.serves(PODS, "resize")
