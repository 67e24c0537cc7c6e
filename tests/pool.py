"""Nodes of their own for one test, pods that can be on these alone, and requests about them."""

import itertools
import json
from collections import Counter
from typing import Any, Final

from localcluster.cluster import KwokCluster
from podvigil.api.actions import ActionName
from shop import EXECUTOR, SYSTEM, Json, Shop

ALLOWED: Final = [action.value for action in ActionName]
POOL: Final = "example.com/pool"
_numbers = itertools.count(1)


class Pool:
    """A few nodes; the first one is to be drained, and has the pods."""

    def __init__(self, cluster: KwokCluster, shop: Shop, nodes: int = 4) -> None:
        """Make the nodes; `remove` takes them away again."""
        self.name = f"pool{next(_numbers)}"
        self.nodes = [f"{self.name}-{number}" for number in range(1, nodes + 1)]
        self.shop = shop
        self.home = Shop(shop.cluster, SYSTEM)
        self.home.set_rules(allowedActions=ALLOWED)
        cluster.kwok.add_nodes(self.nodes)
        for node in self.nodes:
            shop.cluster.kubectl("label", "node", node, f"{POOL}={self.name}")
        self._requests: list[str] = []

    def remove(self) -> None:
        """Take the nodes away, and the requests about them, so that no other test waits for these."""
        if self._requests:
            self.home.kubectl("delete", "remreq", *self._requests, "--ignore-not-found", "--wait=false")
        self.shop.cluster.kubectl("delete", "node", *self.nodes, "--ignore-not-found", "--wait=false")

    def template(self, name: str, prefers: int = 0, **spec: Any) -> Json:
        """A pod template for this pool, best on one of its nodes while that takes pods."""
        first = {"key": "kubernetes.io/hostname", "operator": "In", "values": [self.nodes[prefers]]}
        return {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "nodeSelector": {POOL: self.name},
                "affinity": {
                    "nodeAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {"weight": 100, "preference": {"matchExpressions": [first]}}
                        ]
                    }
                },
                "containers": [{"name": "app", "image": "shop"}],
                "terminationGracePeriodSeconds": 0,
                **spec,
            },
        }

    def deploy(
        self, name: str, replicas: int, prefers: int = 0, kind: str = "Deployment", **spec: Any
    ) -> Json:
        """Make a workload whose pods are on the node."""
        return self.shop.deploy(name, replicas, kind, template=self.template(name, prefers, **spec))

    def pod(self, name: str, node: int = 0, **body: Any) -> Json:
        """Make a pod without a controller, straight on a node."""
        spec = {"nodeName": self.nodes[node], **self.template(name)["spec"], **body.pop("spec", {})}
        metadata = {"name": name, "namespace": self.shop.namespace, **body.pop("metadata", {})}
        self.shop.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, **body})
        return self.shop.get("pod", name)

    def budget(self, app: str, name: str = "", **spec: Any) -> None:
        """Make a PodDisruptionBudget over a workload, and wait until its controller has counted."""
        name = name or app
        metadata = {"name": name, "namespace": self.shop.namespace}
        selector = {"matchLabels": {"app": app}}
        body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata}
        self.shop.apply({**body, "spec": {"selector": selector, **spec}})
        self.shop.until(
            lambda: (self.shop.get("pdb", name).get("status") or {}).get("expectedPods", 0) > 0,
            f"budget {name} is counted",
        )

    def node(self, number: int = 0) -> Json:
        """Read one of the nodes."""
        return self.shop.get("node", self.nodes[number])

    def pods(self, number: int = 0) -> set[str]:
        """Names of the pods on one of the nodes."""
        listed = self.shop.cluster.read(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{self.nodes[number]}")
        return {pod["metadata"]["name"] for pod in listed["items"]}

    def is_cordoned(self, number: int = 0) -> bool:
        """Whether a node takes no pods."""
        return bool(self.node(number)["spec"].get("unschedulable"))

    def trouble(self, action: str, number: int = 0, **plan: Any) -> tuple[str, str]:
        """Report a node, and request an action for it; returns the names of both."""
        node = self.node(number)
        report = self.home.report(node)
        request = self.home.request(node, report, action, **plan)
        self._requests.append(request)
        return str(report["metadata"]["name"]), request

    def asked(self, action: str, number: int = 0, **plan: Any) -> str:
        """Have a person request an action for a node that nothing was reported about; returns its name."""
        request = self.home.request(self.node(number), None, action, **plan)
        self._requests.append(request)
        return request

    def drain(self, number: int = 0, *, approve: bool = True, **plan: Any) -> tuple[str, str]:
        """Request a drain, and approve it."""
        report, request = self.trouble("Drain", number, **plan)
        if approve:
            self.home.decide(request)
        return report, request

    def cancel(self, request: str) -> None:
        """Have a person stop it."""
        self.home.patch("remreq", request, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")

    def progress(self, request: str) -> Json:
        """How far a drain is, as people see it."""
        found: Json = (self.home.status(request).get("execution") or {}).get("progress") or {}
        return found

    def evictions(self) -> Counter[str]:
        """How often the API server accepted an eviction of each pod of the namespace, from its audit log."""
        found: Counter[str] = Counter()
        for line in self.shop.cluster.audit_log.read_text().splitlines():
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            if (
                about.get("subresource") == "eviction"
                and about.get("namespace") == self.shop.namespace
                and entry["user"]["username"] == EXECUTOR
                and entry["responseStatus"]["code"] < 300
                and "dryRun" not in entry["requestURI"]
            ):
                found[about["name"]] += 1
        return found
