"""A node to drain that nothing speaks against, for tests that change one thing of it."""

from dataclasses import replace
from typing import Any, Final

from podvigil.api.request import Plan
from podvigil.remediate.actions.base import Change
from podvigil.remediate.actions.drain.drain import Drain
from podvigil.remediate.observe.context import Context
from podvigil.remediate.targets.budget import PodBudget, pod_budget
from podvigil.remediate.targets.node import Around, Node, NodeState, Space, node, node_state
from podvigil.remediate.targets.pods import PodState
from samples import Object, changed
from unit.remediate.world import NOW, UID, active, at, context, pod

HOME: Final = "podvigil-system"
ROOM: Final = {"cpu": "4", "memory": "8Gi", "pods": "110"}
MARKED: Final = at(-100)
"""When the drain's mark was written."""

NODE: Final[Object] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1", "uid": "n1", "resourceVersion": "7", "labels": {"zone": "a"}},
    "spec": {},
    "status": {"allocatable": ROOM, "conditions": [{"type": "Ready", "status": "True"}]},
}

ABOUT_NODE: Final[Object] = {
    "metadata.namespace": HOME,
    "spec.plan.action": "Drain",
    "spec.plan.target": {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "n1", "generation": 0},
}
"""Turns the request of the world into one about the node."""

DRAINED: Final[Object] = {
    "spec.unschedulable": True,
    "metadata.annotations": {"podvigil.io/drained-by": UID, "podvigil.io/cordoned-by": UID},
    "metadata.managedFields": [
        {
            "manager": "podvigil",
            "time": MARKED,
            "fieldsV1": {
                "f:metadata": {
                    "f:annotations": {"f:podvigil.io/drained-by": {}, "f:podvigil.io/cordoned-by": {}}
                },
                "f:spec": {"f:unschedulable": {}},
            },
        }
    ],
}
"""The node while our drain is under way."""


def other(name: str, change: Object | None = None) -> Node:
    """Another node."""
    return node(changed(NODE, {"metadata.name": name, **(change or {})}))


OTHERS: Final = (other("node-2"), other("node-3"))


def old_pod(name: str = "web-1", **change: Any) -> PodState:
    """A pod that was there before the mark."""
    return pod(name, **{"metadata__creationTimestamp": at(-1000), **change})


def state(
    *pods: PodState, change: Object | None = None, others: tuple[Node, ...] = OTHERS, **around: Any
) -> NodeState:
    """The node with these pods on it."""
    spaces = tuple(Space(each, {}) for each in others)
    made = {"home": HOME, "request": UID, "pods": pods, "spaces": spaces, **around}
    return node_state(changed(NODE, change or {}), others, Around(**made))


def budget(name: str = "web", allowed: int = 0, namespace: str = "shop", **labels: str) -> PodBudget:
    """A budget over the pods of the workload."""
    return pod_budget(
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"matchLabels": labels or {"app": "web"}}},
            "status": {"disruptionsAllowed": allowed},
        }
    )


def asked(action: str = "Drain", target: NodeState | None = None, **fields: Any) -> Context:
    """Everything about a request for an action on the node, with other things changed."""
    change = {**ABOUT_NODE, "spec.plan.action": action, **fields.pop("request_change", {})}
    allowed = {"spec.remediation.allowedActions": [action], **fields.pop("monitor_change", {})}
    about = {"spec.target": {"apiVersion": "v1", "kind": "Node", "name": "node-1", "uid": "n1"}}
    seen = {**fields, "report_change": about | fields.get("report_change", active("True", -10))}
    return context(request_change=change, monitor_change=allowed, target=target or state(), **seen)


def plan_of(action: str = "Drain", parameters: Object | None = None) -> Plan:
    """The plan of such a request."""
    return asked(action, request_change={"spec.plan.parameters": parameters} if parameters else {}).plan


def claimed(target: NodeState) -> Change:
    """What a drain of this node would do."""
    return Drain().change(target, plan_of(), token=UID, now=NOW)


def marked(target: NodeState) -> NodeState:
    """The same node when our drain has begun."""
    return node_state(changed(dict(target.body), DRAINED), target.others, replace(target.around, spaces=None))
