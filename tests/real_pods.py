"""Workloads of real containers: each is one program that holds memory."""

import json
from typing import Any, Final

from localcluster.node_files import IMAGE
from shop import Shop

Json = dict[str, Any]

SMALL: Final[Json] = {
    "requests": {"cpu": "100m", "memory": "32Mi"},
    "limits": {"cpu": "200m", "memory": "64Mi"},
}


def deploy(shop: Shop, *eats: str, name: str = "web", replicas: int = 1, resources: Json = SMALL) -> Json:
    """Pods that hold so many MiB, and grow to them by so many a second."""
    container = {
        "name": "app",
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "args": list(eats),
        "resources": resources,
    }
    spec = {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    return shop.deploy(name, replicas, template=template)


def pods(shop: Shop) -> list[Json]:
    """Those of `web`, by name."""
    found: list[Json] = json.loads(shop.kubectl("get", "pods", "-l=app=web", "-o", "json"))["items"]
    return sorted(found, key=lambda one: str(one["metadata"]["name"]))


def pod(shop: Shop) -> Json:
    """The only one of `web`."""
    (only,) = pods(shop)
    return only


def container(one: Json) -> Json:
    """What the kubelet says of a pod's only container."""
    found: Json = one["status"]["containerStatuses"][0]
    return found
