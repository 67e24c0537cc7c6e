"""What a drain keeps in the request's status before it begins: the controllers whose pods it moves.

When they are judged, the pods are gone from the node, and nothing else remembers whose they were.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from podvigil.api.resources import REPLICASETS, STATEFULSETS, Resource

FIELD: Final = "workloads"
CHARACTERS_MAX: Final = 1000
"""Of one value; the schema has 1024."""
VALUES_MAX: Final = 15
"""Of 20 in the schema: about 300 controllers, more than a node has pods."""

WATCHED: Final[dict[str, Resource]] = {resource.kind: resource for resource in (REPLICASETS, STATEFULSETS)}
"""Controllers that say how many of their pods are ready. A Job's pod starts anew, and is nobody's service."""


def pack(names: Iterable[str]) -> dict[str, str]:
    """Return names such as `ReplicaSet shop/web-7f` as few bounded values; what is beyond the bound is left out."""
    values: list[str] = []
    for name in names:
        if values and len(values[-1]) + len(name) < CHARACTERS_MAX:
            values[-1] += f",{name}"
        elif len(values) < VALUES_MAX:
            values.append(name)
    return {f"{FIELD}.{number}": value for number, value in enumerate(values)}


def unpack(before: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names again, in their order."""
    numbered = [f"{FIELD}.{number}" for number in range(VALUES_MAX)]
    return tuple(name for key in numbered if key in before for name in before[key].split(","))
