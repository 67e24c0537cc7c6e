"""The resources of one container as flat values, `limits.cpu` → `750m`: what SetResources reads, keeps and writes."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from podvigil.api.parameters import ResourceValues
from podvigil.api.request import Plan
from podvigil.remediate.values.amounts import LISTS, Json, amount, container_of, list_of

Values = Mapping[str, str]
"""By `requests.cpu`, `requests.memory`, `limits.cpu`, `limits.memory`; "" where there is none."""


def asked(plan: Plan) -> ResourceValues:
    """Return what the plan sets; the API server refuses a SetResources without it."""
    if plan.parameters is None or plan.parameters.resources is None:
        raise ValueError("a SetResources has parameters.resources")
    return plan.parameters.resources


def wanted(plan: Plan) -> dict[str, str]:
    """Return the values that the plan sets, sorted."""
    resources = asked(plan)
    found = {
        f"{kind}.{name}": quantity
        for kind, given in (("requests", resources.requests), ("limits", resources.limits))
        for name, quantity in (given or {}).items()
    }
    return dict(sorted(found.items()))


def present(pod_spec: Json, container: str, keys: Values) -> dict[str, str]:
    """Return the values that stand there now, for the same keys."""
    resources = (container_of(pod_spec, container) or {}).get("resources") or {}
    return {
        key: str((resources.get(kind) or {}).get(name, "")) for key in keys for kind, name in [_split(key)]
    }


def is_same(one: Values, other: Values) -> bool:
    """Return whether two sets of values mean the same: 1000m is 1."""
    return one.keys() == other.keys() and all(_number(one[key]) == _number(other[key]) for key in one)


def nested(values: Values) -> dict[str, dict[str, str]]:
    """Return the values as a container's `resources` holds them, without the absent ones."""
    found: dict[str, dict[str, str]] = {}
    for key, quantity in values.items():
        kind, name = _split(key)
        if quantity:
            found.setdefault(kind, {})[name] = quantity
    return found


def with_values(pod_spec: Json, container: str, values: Values) -> dict[str, Any]:
    """Return the pod's spec with the container's values set."""
    where, changed = list_of(pod_spec, container), dict(pod_spec)
    changed[where] = [
        _merged(c, nested(values)) if c["name"] == container else c for c in pod_spec.get(where) or ()
    ]
    return changed


def _merged(container: Json, resources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    old = container.get("resources") or {}
    merged = {kind: {**(old.get(kind) or {}), **resources.get(kind, {})} for kind in LISTS}
    return {**container, "resources": {**old, **{kind: v for kind, v in merged.items() if v}}}


def written(values: Values) -> str:
    """Write values for a person: `limits.cpu 750m, limits.memory (none)`."""
    return ", ".join(f"{key} {quantity or '(none)'}" for key, quantity in sorted(values.items()))


def _split(key: str) -> tuple[str, str]:
    kind, _, name = key.partition(".")
    return kind, name


def _number(quantity: str) -> Decimal | None:
    return amount(quantity) if quantity else None
