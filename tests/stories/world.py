"""What is there before a story begins: the monitor's rules, nodes, workloads."""

import json
from typing import Final

from localcluster.kwok import node_body
from localcluster.process import wait_until
from shop import DEADLINE_SECONDS, EXECUTOR, Json, Shop, now
from stories.model import Workload, World

ROLLOUT: Final = f"--timeout={DEADLINE_SECONDS}s"


def make(world: World, shop: Shop) -> None:
    """Make it, and wait until its workloads are ready."""
    shop.set_rules(**world.remediation)
    shop.watch(**world.status)
    for node in world.nodes:
        shop.apply(_node(node, shop.namespace))
        shop.cluster.wait_for("--for=condition=Ready", f"node/{node}")
    for body in world.objects:
        shop.apply({**body, "metadata": {"namespace": shop.namespace, **body["metadata"]}})
    for workload in world.workloads:
        _deploy(workload, shop)


def _deploy(workload: Workload, shop: Shop) -> None:
    what = f"{workload.kind.lower()}/{workload.name}"
    container = {"name": "app", "image": "shop", "resources": workload.resources}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 0, **workload.pod}
    if workload.node is not None:
        pod |= _placed(workload.node, shop.namespace)
    template = {"metadata": {"labels": {"app": workload.name}}, "spec": pod}
    spec = {"template": template, **workload.spec}
    if workload.kind == "Rollout":
        _make_rollout(workload, spec, shop)
        return
    if workload.manager is None:
        shop.deploy(workload.name, workload.replicas, workload.kind, **spec)
    else:
        _apply_as(workload.manager, workload, spec, shop)
    for name, value in workload.annotations.items():
        shop.kubectl("annotate", what, f"{name}={value}")
    if workload.release is not None:
        shop.kubectl("set", "image", what, f"app={workload.release}")
        shop.kubectl("rollout", "status", what, ROLLOUT)
    if workload.patch:
        kind, name = workload.kind.lower(), workload.name
        shop.patch(kind, name, workload.patch)
        wait_until(
            lambda: _is_observed(shop.get(kind, name)),
            f"the controller has seen {what}",
            deadline_seconds=DEADLINE_SECONDS,
        )


def _apply_as(manager: str, workload: Workload, spec: Json, shop: Shop) -> None:
    """Apply as a GitOps tool does: by server-side apply under its own name."""
    selector = {"matchLabels": {"app": workload.name}}
    body = {
        "apiVersion": "apps/v1",
        "kind": workload.kind,
        "metadata": {"name": workload.name, "namespace": shop.namespace},
        "spec": {"selector": selector, "replicas": workload.replicas, **spec},
    }
    flags = ("--server-side", f"--field-manager={manager}")
    shop.kubectl("apply", *flags, "-f", "-", input=json.dumps(body))
    shop.rolled(body)


def _make_rollout(workload: Workload, spec: Json, shop: Shop) -> None:
    """Make an Argo Rollout, and say in its status what its controller would."""
    labels = {"app": workload.name}
    selector, count = {"matchLabels": labels}, workload.replicas
    shop.apply(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": workload.name, "namespace": shop.namespace},
            "spec": {"selector": selector, "replicas": count, "strategy": {"canary": {}}, **spec},
        }
    )
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count)
    status = {**counts, "observedGeneration": "1", "selector": f"app={workload.name}"}
    shop.patch("rollout", workload.name, {"status": status}, "--subresource=status")


def finish_restart(rollout: str, shop: Shop) -> None:
    """Say that the Rollout was restarted, as its controller does when its pods are new."""
    body = shop.get("rollout", rollout)
    generation = str(body["metadata"]["generation"])
    done = {"restartedAt": body["spec"]["restartAt"], "observedGeneration": generation}
    shop.patch("rollout", rollout, {"status": done}, "--subresource=status")


def end_long_ago(request: str, seconds: float, shop: Shop) -> None:
    """Write that the executor carried a request out, and that it helped, so many seconds ago."""
    at = now(-seconds)
    condition = {"type": "Succeeded", "status": "True", "reason": "Succeeded", "message": "said by a story"}
    status = {
        "execution": {"claimedBy": "a story", "claimedAt": at, "finishedAt": at},
        "finishedAt": at,
        "conditions": [{**condition, "lastTransitionTime": at}],
    }
    shop.patch("remreq", request, {"status": status}, "--subresource=status", user=EXECUTOR)


def _is_observed(body: Json) -> bool:
    return bool(body["metadata"]["generation"] == body["status"]["observedGeneration"])


def _placed(node: str, story: str) -> Json:
    """What keeps pods on the story's nodes, and on one of them while it takes pods."""
    there = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    preferred = [{"weight": 100, "preference": {"matchExpressions": [there]}}]
    return {
        "nodeSelector": {"story": story},
        "tolerations": [{"key": "story", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}},
    }


def _node(name: str, story: str) -> Json:
    """A node that takes the story's pods alone."""
    body = node_body(name)
    body["metadata"]["labels"]["story"] = story
    return {**body, "spec": {"taints": [{"key": "story", "value": story, "effect": "NoSchedule"}]}}
