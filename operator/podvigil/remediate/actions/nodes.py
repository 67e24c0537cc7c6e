"""What the actions on nodes share: the one patch that cordons or uncordons, and says whose doing it is."""

from collections.abc import Mapping
from typing import Any, Final

from podvigil.cluster.client import Cluster, PatchKind
from podvigil.remediate.actions.base import precondition
from podvigil.remediate.targets.node import NodeState

DRAINED_BY: Final = "podvigil.io/drained-by"
"""Annotation: UID of the request that drains or drained the node, also one that somebody else had cordoned."""


async def patch_node(
    cluster: Cluster,
    target: NodeState,
    annotations: Mapping[str, str | None],
    *,
    unschedulable: bool | None = None,
    dry_run: bool,
) -> dict[str, Any]:
    """Set or remove (None) annotations, and in the same patch whether pods are scheduled on the node.

    Args:
        unschedulable: None leaves it as it is. False removes the field, as `kubectl uncordon` does.
    """
    body: dict[str, Any] = {"metadata": {**precondition(target), "annotations": dict(annotations)}}
    if unschedulable is not None:
        body["spec"] = {"unschedulable": unschedulable or None}
    return await cluster.patch(target.resource, target.ref.name, body, kind=PatchKind.MERGE, dry_run=dry_run)


def written(value: bool) -> str:
    """Write a truth as Kubernetes does."""
    return str(value).lower()
