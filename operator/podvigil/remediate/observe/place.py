"""What a namespace says about changes in it: its budgets, autoscalers, quotas and ranges, for any plan there."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.report import TargetReference
from podvigil.api.request import Plan
from podvigil.api.resources import (
    HORIZONTALPODAUTOSCALERS,
    LIMITRANGES,
    PODDISRUPTIONBUDGETS,
    PODS,
    RESOURCEQUOTAS,
    VERTICALPODAUTOSCALERS,
    Resource,
)
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import NotFound
from podvigil.remediate.observe.context import Budget
from podvigil.remediate.observe.limits import NO_LIMITS, Limits, bounds, quota, setting_resources
from podvigil.remediate.ownership.owners import controller
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.container_values import asked
from podvigil.remediate.values.selectors import selector_of, selects

Json = Mapping[str, Any]

COUNTED: Final = frozenset(
    {
        ActionName.SCALE,
        ActionName.SET_RESOURCES,
        ActionName.RESTART,
        ActionName.ROLLBACK,
        ActionName.RUN_JOB,
    }
)
"""Actions that add pods, if only while a rollout surges, or give them more."""


@dataclass(frozen=True, slots=True)
class Place:
    """One namespace, as its lists have it."""

    budgets: tuple[Json, ...] = ()
    autoscalers: tuple[Json, ...] = ()
    quotas: tuple[Json, ...] = ()
    ranges: tuple[Json, ...] = ()
    verticals: tuple[Json, ...] = ()
    can_resize: bool = True
    """Whether the API server has pods/resize."""


NOTHING_SAID: Final = Place()
"""A namespace that has none of it."""


async def observe_place(cluster: Cluster, namespace: str) -> Place:
    """Read a namespace. Raises: ClusterError when something cannot be seen."""
    budgets, autoscalers, quotas, ranges, verticals, can_resize = await asyncio.gather(
        cluster.list(PODDISRUPTIONBUDGETS, namespace),
        cluster.list(HORIZONTALPODAUTOSCALERS, namespace),
        cluster.list(RESOURCEQUOTAS, namespace),
        cluster.list(LIMITRANGES, namespace),
        list_if_served(cluster, VERTICALPODAUTOSCALERS, namespace),
        cluster.serves(PODS, "resize"),
    )
    return Place(
        tuple(budgets), tuple(autoscalers), tuple(quotas), tuple(ranges), tuple(verticals), can_resize
    )


async def list_if_served(cluster: Cluster, resource: Resource, namespace: str) -> list[dict[str, Any]]:
    """List a kind that a cluster need not have. Raises: ClusterError."""
    try:
        return await cluster.list(resource, namespace)
    except NotFound:
        return []


def limits_of(plan: Plan, place: Place) -> Limits:
    """Return what bounds the resources that a plan asks for; empty where it adds and sets nothing."""
    if plan.action not in COUNTED:
        return NO_LIMITS
    quotas = tuple(sorted(map(quota, place.quotas), key=lambda q: q.name))
    ranges = tuple(item for body in sorted(place.ranges, key=_name) for item in bounds(body))
    if plan.action != ActionName.SET_RESOURCES:
        return Limits(quotas, ranges)
    values = asked(plan)
    verticals = setting_resources(place.verticals, plan.target, values.container)
    return Limits(quotas, ranges, verticals, values.method is ResourceMethod.TEMPLATE or place.can_resize)


def covering(budgets: Iterable[Json], target: WorkloadState) -> tuple[Budget, ...]:
    """Return the budgets that cover the target's pods, by name. A budget without a selector covers none."""
    return tuple(
        sorted(
            (
                Budget(body["metadata"]["name"], (body.get("status") or {}).get("disruptionsAllowed", 0))
                for body in budgets
                if (selector := body["spec"].get("selector")) is not None
                and selects(selector_of(selector), target.labels)
            ),
            key=lambda budget: budget.name,
        )
    )


def autoscaling(autoscalers: Iterable[Json], target: TargetReference) -> tuple[str, ...]:
    """Return the HorizontalPodAutoscalers that own the target's replica count, with whom they were made by."""
    return tuple(
        sorted(
            body["metadata"]["name"] + (f" (of {maker})" if (maker := controller(body)) else "")
            for body in autoscalers
            if (ref := body["spec"]["scaleTargetRef"])["kind"] == target.kind and ref["name"] == target.name
        )
    )


def _name(body: Json) -> str:
    return str(body["metadata"]["name"])
