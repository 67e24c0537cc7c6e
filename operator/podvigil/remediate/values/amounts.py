"""Amounts of cpu and memory as containers, quotas and LimitRanges write them: exact, compared by value. Pure."""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

Json = Mapping[str, Any]
Amounts = dict[str, Decimal]
"""By resource (`cpu` in cores, `memory` in bytes, `pods`, …)."""

SETTABLE: Final = ("cpu", "memory")
LISTS: Final = ("requests", "limits")
MEBIBYTE: Final = Decimal(1024**2)
MILLICORE: Final = Decimal("0.001")
SIDECAR: Final = "Always"
"""restartPolicy of an init container that runs beside the others."""


def amount(quantity: object) -> Decimal:
    """Read a quantity such as 250m or 512Mi. Raises: ValueError for what is none."""
    return Decimal(parse_quantity(quantity))


def amounts(quantities: Json | None) -> Amounts:
    """Read a list of quantities; an absent one is empty."""
    return {name: amount(quantity) for name, quantity in (quantities or {}).items()}


def written(resource: str, value: Decimal) -> str:
    """Write an amount as people do: cpu in millicores, memory in Mi where it is whole, rounded up."""
    if resource == "cpu":
        millicores = (value / MILLICORE).to_integral_value(ROUND_CEILING)
        return f"{millicores / 1000:f}" if millicores % 1000 == 0 else f"{millicores:f}m"
    if resource == "memory" and value % MEBIBYTE == 0:
        return f"{value / MEBIBYTE:f}Mi"
    return f"{value.to_integral_value(ROUND_CEILING):f}"


def pod_spec_of(workload: Json) -> Json:
    """Return the spec of a workload's pod template; empty for one that keeps it elsewhere (an Argo Rollout can)."""
    return (workload["spec"].get("template") or {}).get("spec") or {}


def containers_of(pod_spec: Json) -> list[Json]:
    """Return the containers that run side by side: the regular ones and the sidecars among the init containers."""
    beside = [c for c in pod_spec.get("initContainers") or () if c.get("restartPolicy") == SIDECAR]
    return [*(pod_spec.get("containers") or ()), *beside]


def container_of(pod_spec: Json, name: str) -> Json | None:
    """Return one of them by name."""
    return next((c for c in containers_of(pod_spec) if c["name"] == name), None)


def list_of(pod_spec: Json, name: str) -> str:
    """Return the field of a pod's spec that a container stands in."""
    regular = any(c["name"] == name for c in pod_spec.get("containers") or ())
    return "containers" if regular else "initContainers"


def total(parts: Iterable[Amounts]) -> Amounts:
    """Add amounts up."""
    summed: Amounts = {}
    for part in parts:
        for name, value in part.items():
            summed[name] = summed.get(name, Decimal(0)) + value
    return summed


def pod_amounts(pod_spec: Json, kind: str) -> Amounts:
    """Return what a whole pod asks for (`requests`) or may use (`limits`), as scheduler and quota count it.

    A request that is absent is its limit (the API server's default). Init containers run before the others: the
    largest of them counts, if it is more. Source: PodRequests in k8s.io/component-helpers/resource/helpers.go.
    """
    running = total(_of(c, kind) for c in pod_spec.get("containers") or ())
    beside: Amounts = {}
    largest: Amounts = {}
    for container in pod_spec.get("initContainers") or ():
        own = _of(container, kind)
        if container.get("restartPolicy") == SIDECAR:
            running, beside = total((running, own)), total((beside, own))
            own = beside
        else:
            own = total((own, beside))
        largest = {n: max(largest.get(n, Decimal(0)), own.get(n, Decimal(0))) for n in largest | own}
    whole = {n: max(running.get(n, Decimal(0)), largest.get(n, Decimal(0))) for n in running | largest}
    whole |= amounts((pod_spec.get("resources") or {}).get(kind))  # pod-level resources stand above them all
    overhead = amounts(pod_spec.get("overhead"))
    if kind == "limits":  # only what has a limit at all
        overhead = {n: v for n, v in overhead.items() if n in whole}
    return total((whole, overhead))


def _of(container: Json, kind: str) -> Amounts:
    resources = container.get("resources") or {}
    own = amounts(resources.get(kind))
    return own if kind == "limits" else amounts(resources.get("limits")) | own


def qos_class(pod_spec: Json) -> str:
    """Return Guaranteed, Burstable or BestEffort, as ComputePodQOS of k8s.io/kubernetes does."""
    whole = pod_spec.get("resources")
    parts = [{"resources": whole}] if whole else _all_containers(pod_spec)
    requests = [{n: v for n, v in _of(c, "requests").items() if n in SETTABLE and v} for c in parts]
    limits = [{n: v for n, v in _of(c, "limits").items() if n in SETTABLE and v} for c in parts]
    if not any(requests) and not any(limits):
        return "BestEffort"
    is_limited = all(set(limit) == set(SETTABLE) for limit in limits)
    return "Guaranteed" if is_limited and total(requests) == total(limits) else "Burstable"


def _all_containers(pod_spec: Json) -> list[Json]:
    return [*(pod_spec.get("containers") or ()), *(pod_spec.get("initContainers") or ())]
