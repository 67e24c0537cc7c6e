"""Reads the node that an action is for, and for a drain as much of the cluster around it as that step asks for."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.request import RemediationRequest
from podvigil.api.resources import DAEMONSETS, NODES, PODDISRUPTIONBUDGETS, PODS
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.drain.filters import Fate, sort_pods
from podvigil.remediate.actions.drain.kept import WATCHED, unpack
from podvigil.remediate.observe.gather_room import observe_spaces, observe_volumes
from podvigil.remediate.placement.fit import claims
from podvigil.remediate.targets.budget import pod_budget
from podvigil.remediate.targets.node import Around, NodeState, Standing, node, node_state
from podvigil.remediate.targets.pods import PodState, pod_state

WATCHED_MAX: Final = 250
"""Controllers that are looked at: a node with more pods than that is beyond what Kubernetes supports."""


async def observe_node(cluster: Cluster, request: RemediationRequest, home: str) -> NodeState | None:
    """Read the node of a request and its neighbours; None when it is not there.

    Args:
        home: the operator's own namespace.

    Raises: ClusterError when something cannot be seen.
    """
    plan = request.spec.plan
    body, nodes = await asyncio.gather(cluster.find(NODES, plan.target.name), cluster.list(NODES))
    if body is None:
        return None
    body = {"apiVersion": NODES.api_version, "kind": NODES.kind, **body}
    others = tuple(node(other) for other in nodes if other["metadata"]["name"] != plan.target.name)
    state = node_state(body, others)
    if plan.action != ActionName.DRAIN:
        return state
    return node_state(body, others, await _around(cluster, request, state, home))


async def _around(cluster: Cluster, request: RemediationRequest, state: NodeState, home: str) -> Around:
    execution, plan = request.status.execution, request.spec.plan
    pods, daemon_sets, budgets = await asyncio.gather(
        cluster.list(PODS, field_selector=f"spec.nodeName={state.ref.name}"),
        cluster.list(DAEMONSETS),
        cluster.list(PODDISRUPTIONBUDGETS),
    )
    around = Around(
        home=home,
        request=str(request.metadata["uid"]),
        pods=tuple(map(pod_state, pods)),
        daemon_sets=frozenset(f"{d['metadata']['namespace']}/{d['metadata']['name']}" for d in daemon_sets),
        budgets=tuple(sorted(map(pod_budget, budgets), key=str)),
    )
    moving = sort_pods(node_state(state.body, state.others, around), plan)[Fate.EVICT]
    names = unpack(execution.before or {}) if execution else controllers(moving)
    homeless = await _homeless(cluster, names)
    if execution is None:
        spaces, volumes = await asyncio.gather(
            observe_spaces(cluster, state.others),
            observe_volumes(cluster, {claim for pod in moving for claim in claims(pod)}),
        )
        standings = await _standings(cluster, names)
        return replace(around, spaces=spaces, volumes=volumes, workloads=standings, homeless=homeless)
    # While it is under way only the pods count; how their controllers stand is asked afterwards.
    standings = await _standings(cluster, names) if execution.finished_at else ()
    return replace(around, workloads=standings, homeless=homeless)


def controllers(pods: Iterable[PodState]) -> tuple[str, ...]:
    """Return the controllers of these pods that are watched, as `ReplicaSet shop/web-7f`, each once."""
    found = {str(p.owner) for p in pods if p.owner is not None and p.owner.kind in WATCHED and not p.finished}
    return tuple(sorted(found)[:WATCHED_MAX])


async def _homeless(cluster: Cluster, names: Iterable[str]) -> tuple[PodState, ...]:
    """Read the pods of these controllers that the scheduler finds no node for."""
    wanted = set(names)
    waiting = map(pod_state, await cluster.list(PODS, field_selector="spec.nodeName=,status.phase=Pending"))
    found = (pod for pod in waiting if str(pod.owner) in wanted and pod.homeless_since and not pod.deleting)
    return tuple(sorted(found, key=str))


async def _standings(cluster: Cluster, names: Iterable[str]) -> tuple[Standing, ...]:
    """Read how the controllers stand; one that is gone wants nothing any more."""
    found = await asyncio.gather(*(_standing(cluster, name) for name in names))
    return tuple(standing for standing in found if standing is not None)


async def _standing(cluster: Cluster, name: str) -> Standing | None:
    kind, _, where = name.partition(" ")
    namespace, _, own_name = where.partition("/")
    body: dict[str, Any] | None = await cluster.find(WATCHED[kind], own_name, namespace)
    if body is None:
        return None
    return Standing(name, body["spec"].get("replicas", 1), (body.get("status") or {}).get("readyReplicas", 0))
