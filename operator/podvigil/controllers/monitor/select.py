"""Which pods a monitor means right now, and what owns each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podvigil.api.monitor import MonitorSpec
from podvigil.api.pods import PodKey, Workload
from podvigil.cluster.client import Cluster
from podvigil.collect.namespaces import list_namespaces
from podvigil.collect.owners import last_rollouts, list_replica_sets, workload_of
from podvigil.collect.pods import PodRecord, list_pods


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected pods at one moment."""

    namespaces: tuple[str, ...]
    pods: Mapping[PodKey, PodRecord]
    """Every selected pod, whatever its phase."""
    workloads: Mapping[PodKey, Workload]
    rollouts: Mapping[str, datetime] = field(default_factory=dict)
    """By workload uid: when its newest revision was made, if it has earlier ones."""

    @property
    def running(self) -> tuple[PodKey, ...]:
        """The pods that have vitals: running and not on their way out."""
        return tuple(k for k, p in self.pods.items() if p.phase == "Running" and not p.terminating)


async def select_pods(cluster: Cluster, spec: MonitorSpec) -> Selection:
    """List what the selectors mean. Raises: ClusterError; BadRequest for a selector that cannot be read."""
    names = set(spec.namespaces or ())
    if spec.namespace_selector is not None:
        names |= set(await list_namespaces(cluster, spec.namespace_selector.written()))
    if not names:
        return Selection((), {}, {})
    chosen = tuple(sorted(names))
    pods = await list_pods(cluster, chosen, spec.pod_selector.written() if spec.pod_selector else None)
    replica_sets = await list_replica_sets(cluster, chosen)
    workloads = {key: workload_of(pod, replica_sets) for key, pod in pods.items()}
    return Selection(chosen, pods, workloads, last_rollouts(replica_sets))
