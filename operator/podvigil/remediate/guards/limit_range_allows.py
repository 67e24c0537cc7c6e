"""A LimitRange is the namespace's word on how small and how large a container may be."""

from collections.abc import Iterator
from datetime import datetime

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.observe.limits import Bounds, with_defaults
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.values.amounts import (
    LISTS,
    Amounts,
    Json,
    amounts,
    container_of,
    pod_amounts,
    pod_spec_of,
    written,
)
from podvigil.remediate.values.container_values import asked, wanted, with_values


def limit_range_allows(ctx: Context, now: datetime) -> Refusal | None:
    """The container and its pod, with the new values, are within every LimitRange.

    A Deployment's patch is not checked against them by the API server: its new pods would fail to be made.
    """
    if ctx.workload is None or ctx.action != ActionName.SET_RESOURCES:
        return None
    container = asked(ctx.plan).container
    pod_spec = with_values(pod_spec_of(ctx.workload.body), container, wanted(ctx.plan))
    pod_spec = with_defaults(pod_spec, ctx.limits.bounds)
    found = [said for item in ctx.limits.bounds for said in _objections(item, pod_spec, container)]
    return Refusal(Reason.LIMIT_RANGE_BLOCKS, "; ".join(found)[:1024]) if found else None


def _objections(item: Bounds, pod_spec: Json, name: str) -> Iterator[str]:
    if item.kind == "Container":
        resources = (container_of(pod_spec, name) or {}).get("resources") or {}
        what, given = f"container {name}", {kind: amounts(resources.get(kind)) for kind in LISTS}
    elif item.kind == "Pod":
        what, given = "the pod", {kind: pod_amounts(pod_spec, kind) for kind in LISTS}
    else:
        return
    for kind, values in given.items():
        for resource, value in sorted(values.items()):
            least, most = item.least.get(resource), item.most.get(resource)
            said = f"LimitRange {item.name}: {what} would have {kind}.{resource} {written(resource, value)}"
            if least is not None and value < least:
                yield f"{said}, at least {written(resource, least)} is allowed"
            if most is not None and value > most:
                yield f"{said}, at most {written(resource, most)} is allowed"
    yield from _ratios(item, what, given["requests"], given["limits"])


def _ratios(item: Bounds, what: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for resource, allowed in sorted(item.ratio.items()):
        request, limit = requests.get(resource), limits.get(resource)
        if request and limit is not None and limit > allowed * request:
            yield (
                f"LimitRange {item.name}: {what} would have a {resource} limit {limit / request:.3g} times its "
                f"request, at most {allowed:f} times is allowed"
            )
