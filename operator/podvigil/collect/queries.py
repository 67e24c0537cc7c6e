"""The PromQL of each vital, by the names that cAdvisor and kube-state-metrics really use."""

import math
import re
from collections.abc import Collection
from typing import Final

from podvigil.api.features import Feature
from podvigil.collect.errors import Unaskable

SCRAPE_SECONDS: Final = 30.0
"""How often cAdvisor is scraped unless said otherwise: the default of the Prometheus community's charts."""

_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

# cAdvisor also has a series for the pod's cgroup (container "") and, under some runtimes, one for the
# sandbox (container "POD"): the first would count everything twice.
_CONTAINERS: Final = 'container!="",container!="POD"'
# Network series belong to the pod's sandbox and come one per interface, without a container.
_INTERFACES: Final = 'pod!="",interface!="lo"'


def rate_window_seconds(interval_seconds: float, scrape_seconds: float = SCRAPE_SECONDS) -> int:
    """How far back a rate looks: four scrapes survive a missed one; two intervals leave no gap between them."""
    return math.ceil(max(4 * scrape_seconds, 2 * interval_seconds, 60.0))


def query_for(
    feature: Feature,
    namespaces: Collection[str] | None,
    interval_seconds: float,
    scrape_seconds: float = SCRAPE_SECONDS,
) -> str:
    """One value per pod, labelled namespace and pod, in the feature's base unit.

    `namespaces` None means all. Raises: Unaskable for an empty collection or what is no namespace, ValueError for
    storage.
    """
    window = f"[{rate_window_seconds(interval_seconds, scrape_seconds)}s]"
    where = namespace_matcher(namespaces)
    containers = f"{{{where},{_CONTAINERS}}}"
    interfaces = f"{{{where},{_INTERFACES}}}"
    match feature:
        case Feature.CPU:
            return _per_pod(f"rate(container_cpu_usage_seconds_total{containers}{window})")
        case Feature.MEMORY:
            return _per_pod(f"container_memory_working_set_bytes{containers}")
        case Feature.NETWORK_RECEIVE:
            return _per_pod(f"rate(container_network_receive_bytes_total{interfaces}{window})")
        case Feature.NETWORK_TRANSMIT:
            return _per_pod(f"rate(container_network_transmit_bytes_total{interfaces}{window})")
        case Feature.RESTARTS:
            return _per_pod(f"kube_pod_container_status_restarts_total{{{where}}}")
        case Feature.THROTTLING:
            throttled = _per_pod(f"rate(container_cpu_cfs_throttled_periods_total{containers}{window})")
            periods = _per_pod(f"rate(container_cpu_cfs_periods_total{containers}{window})")
            return f"{throttled} / {periods}"
        case Feature.STORAGE:
            raise ValueError("volumes are asked for by claim: collect.volumes")


def namespace_matcher(namespaces: Collection[str] | None) -> str:
    """A label matcher for exactly these namespaces; None: every series that has one.

    Raises: Unaskable for an empty collection (nothing is selected) and for a text that no namespace can be called,
    so that nothing can be smuggled into the query.
    """
    if namespaces is None:
        return 'namespace!=""'
    names = sorted(set(namespaces))
    if not names:
        raise Unaskable("no namespace is selected, so there is nothing to query")
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise Unaskable(f"{name!r} is no name of a namespace")
    # Prometheus anchors =~ at both ends, and a valid name holds no character that RE2 reads.
    return f'namespace="{names[0]}"' if len(names) == 1 else f'namespace=~"{"|".join(names)}"'


def _per_pod(series: str) -> str:
    return f"sum by (namespace, pod) ({series})"
