"""Reads the node that an action is for, and as much of the cluster around it as the action asks for."""

import asyncio

from podvigil.api.report import TargetReference
from podvigil.api.resources import NODES
from podvigil.cluster.client import Cluster
from podvigil.remediate.targets.node import NodeState, node, node_state


async def observe_node(cluster: Cluster, ref: TargetReference) -> NodeState | None:
    """Read a node and its neighbours; None when it is not there. Raises: ClusterError."""
    body, nodes = await asyncio.gather(cluster.find(NODES, ref.name), cluster.list(NODES))
    if body is None:
        return None
    body = {"apiVersion": NODES.api_version, "kind": NODES.kind, **body}
    others = tuple(node(other) for other in nodes if other["metadata"]["name"] != ref.name)
    return node_state(body, others)
