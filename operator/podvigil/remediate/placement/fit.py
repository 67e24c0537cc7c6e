"""First-fit decreasing: the largest pod first, on the first node with room, the emptiest nodes first.

It may fail where the scheduler would succeed, by another order. That errs on the side of not draining.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from podvigil.remediate.placement.constraints import may_be_on
from podvigil.remediate.targets.base import Json
from podvigil.remediate.targets.node import Space
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.values.amounts import SETTABLE, Amounts, pod_amounts, written

PODS: Final = "pods"
"""The resource of which each pod takes one."""


@dataclass(frozen=True, slots=True)
class Homeless:
    """A pod that no other node has room for."""

    pod: PodState
    wants: Amounts
    suitable: int
    """Nodes that it might be on if they had room."""

    def __str__(self) -> str:
        wants = ", ".join(
            f"{name} {written(name, value)}" for name, value in sorted(self.wants.items()) if name != PODS
        )
        where = "no other node suits it" if not self.suitable else f"{wants or 'nothing'} requested"
        return f"{self.pod} ({where})"


def homeless(
    pods: Sequence[PodState], spaces: Sequence[Space], volumes: Mapping[str, Json]
) -> tuple[Homeless, ...]:
    """Return the pods that would find no room, if all of them had to move at once.

    Args:
        volumes: required node selectors of PersistentVolumes, by `namespace/claim`.
    """
    free = {space.node.name: dict(space.free) for space in spaces}
    order = sorted(spaces, key=lambda space: (-space.free.get("cpu", Decimal(0)), space.node.name))
    most = {
        name: max((space.free.get(name, Decimal(0)) for space in spaces), default=Decimal(0))
        for name in SETTABLE
    }
    wanting = [(pod, pod_amounts(pod.body["spec"], "requests") | {PODS: Decimal(1)}) for pod in pods]
    wanting.sort(key=lambda entry: (-_share(entry[1], most), str(entry[0])))
    left = []
    for pod, wants in wanting:
        spec, needed = pod.body["spec"], [volumes[claim] for claim in claims(pod) if claim in volumes]
        suitable = (space.node for space in order if may_be_on(spec, space.node, needed))
        room = next((free[node.name] for node in suitable if _fits(wants, free[node.name])), None)
        if room is None:
            count = sum(may_be_on(spec, space.node, needed) for space in spaces)
            left.append(Homeless(pod, wants, count))
            continue
        for name, value in wants.items():
            room[name] = room.get(name, Decimal(0)) - value
    return tuple(left)


def claims(pod: PodState) -> tuple[str, ...]:
    """Return the PersistentVolumeClaims that a pod mounts, as `namespace/name`.

    That of a generic ephemeral volume is named after the pod and the volume.
    """
    names = []
    for volume in pod.body["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            names.append(volume["persistentVolumeClaim"]["claimName"])
        elif "ephemeral" in volume:
            names.append(f"{pod.name}-{volume['name']}")
    return tuple(f"{pod.namespace}/{name}" for name in names)


def _fits(wants: Amounts, free: Mapping[str, Decimal]) -> bool:
    return all(value <= free.get(name, Decimal(0)) for name, value in wants.items() if value)


def _share(wants: Amounts, most: Mapping[str, Decimal]) -> Decimal:
    """How large a pod is, by the resource of which it takes the larger part of the emptiest node."""
    return max(
        (wants.get(name, Decimal(0)) / value for name, value in most.items() if value > 0), default=Decimal(0)
    )
