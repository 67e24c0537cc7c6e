"""Reads how much room the nodes have, and where volumes can be attached."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypedDict

import msgspec

from podvigil.api.resources import PERSISTENTVOLUMES, PODS
from podvigil.cluster.client import Cluster
from podvigil.remediate.targets.base import Json
from podvigil.remediate.targets.node import Node, Space
from podvigil.remediate.values.amounts import Amounts, amounts, pod_amounts

RUNNING: Final = "status.phase!=Succeeded,status.phase!=Failed"
"""Finished pods hold nothing any more."""


class _Container(TypedDict, total=False):
    resources: dict[str, Any]
    restartPolicy: str


class _Spec(TypedDict, total=False):
    nodeName: str
    containers: list[_Container]
    initContainers: list[_Container]
    overhead: dict[str, Any]
    resources: dict[str, Any]


class _Pod(TypedDict):
    spec: _Spec


class _Page(TypedDict):
    items: list[_Pod]


_PAGE: Final = msgspec.json.Decoder(_Page)
"""A tenth of a pod: the whole of it would be ten kilobytes, in a cluster of many thousand."""


async def observe_spaces(cluster: Cluster, nodes: Iterable[Node]) -> tuple[Space, ...]:
    """Read what is left on the nodes that could take a pod: allocatable less what all their pods request.

    Tainted nodes are among them: a pod may tolerate the taint. Raises: ClusterError.
    """
    open_ones = [node for node in nodes if node.ready and not node.unschedulable]
    free: dict[str, Amounts] = {node.name: amounts(node.allocatable) for node in open_ones}
    async for page in cluster.pages(PODS, field_selector=RUNNING):
        await asyncio.to_thread(_take, page, free)  # a page is milliseconds of arithmetic, a cluster seconds
    return tuple(Space(node, free[node.name]) for node in open_ones)


def _take(page: bytes, free: Mapping[str, Amounts]) -> None:
    for pod in _PAGE.decode(page)["items"]:
        room = free.get(pod["spec"].get("nodeName", ""))
        if room is None:
            continue
        for name, value in (pod_amounts(pod["spec"], "requests") | {"pods": Decimal(1)}).items():
            room[name] = room.get(name, Decimal(0)) - value


async def observe_volumes(cluster: Cluster, claims: Collection[str]) -> dict[str, Json]:
    """Read where the volumes of these claims (`namespace/name`) can be attached; those that say nothing: anywhere.

    Raises: ClusterError.
    """
    if not claims:
        return {}
    found: dict[str, Json] = {}
    for volume in await cluster.list(PERSISTENTVOLUMES):
        claim = volume["spec"].get("claimRef") or {}
        name = f"{claim.get('namespace')}/{claim.get('name')}"
        required = (volume["spec"].get("nodeAffinity") or {}).get("required")
        if name in claims and required is not None:
            found[name] = required
    return found
