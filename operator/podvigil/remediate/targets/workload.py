"""A workload at one moment: a Deployment, StatefulSet, DaemonSet or Argo Rollout as the API server returned it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from podvigil.api.request import Health
from podvigil.api.resources import DAEMONSETS, DEPLOYMENTS, ROLLOUTS, STATEFULSETS, ObjectRef, Resource
from podvigil.remediate.targets.base import Json, TargetState
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.targets.revisions import Revision
from podvigil.remediate.values.selectors import selector_of

WORKLOADS: Final[dict[tuple[str, str], Resource]] = {
    (resource.api_version, resource.kind): resource
    for resource in (DEPLOYMENTS, STATEFULSETS, DAEMONSETS, ROLLOUTS)
}
"""What can be observed and changed, by apiVersion and kind."""

DEPLOYMENT_DEFAULT: Final = "25%"
"""maxSurge and maxUnavailable of a Deployment, or a Rollout's canary, that names neither (the kinds' defaults)."""

ON_DELETE: Final = "OnDelete"
"""Update strategy of a StatefulSet or DaemonSet whose controller replaces a pod only when someone deletes it."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """How the workload's controller replaces pods, in pods rather than percent."""

    kind: str
    """RollingUpdate, Recreate or OnDelete."""
    unavailable_at_once: int
    """Pods that a rollout may take away before their replacements are ready."""
    partition: int = 0
    """StatefulSet: pods with a lower ordinal are left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadState(TargetState):
    """What a decision needs to know of a workload."""

    observed_generation: int
    replicas: int
    """Wanted."""
    total: int
    """Pods there are, of the old and the new revision together."""
    updated: int
    ready: int
    available: int
    paused: bool
    strategy: Strategy
    selector: str
    """As the `labelSelector` query parameter takes it."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of the pod template."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the pod template."""
    pods: tuple[PodState, ...] = ()
    """Those that its selector matches, finished ones too; some may be another's: labels overlap, say of a canary."""
    revisions: tuple[Revision, ...] = ()
    """Of a Deployment or Rollout, the oldest first."""
    restarting: bool = False
    """Rollout: `spec.restartAt` asks for a restart that its controller has not finished."""
    body: Json = field(default_factory=dict, repr=False)
    """As the API server returned it."""

    @property
    def restarts(self) -> int:
        """Container restarts of its own pods together."""
        return sum(pod.restarts for pod in self.own_pods)

    @property
    def resource(self) -> Resource:
        """Where the API server keeps it."""
        return WORKLOADS[self.ref.api_version, self.ref.kind]

    @property
    def is_rolled_out(self) -> bool:
        """Whether the newest revision is everywhere and nothing of an older one is left."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.replicas
            and self.total == self.replicas
            and not self.restarting
        )

    def owns(self, pod: PodState) -> bool:
        """Whether it controls the pod, itself or through one of its ReplicaSets."""
        owners = {self.ref.uid, *(revision.uid for revision in self.revisions)}
        return pod.owner is not None and pod.owner.uid in owners

    @property
    def own_pods(self) -> tuple[PodState, ...]:
        """Those of `pods` that it controls."""
        return tuple(pod for pod in self.pods if self.owns(pod))

    @property
    def health(self) -> Health:
        """How it stands, as it is kept in a request's status."""
        return Health(
            replicas=self.replicas,
            ready_replicas=self.ready,
            updated_replicas=self.updated,
            restarts=self.restarts,
        )


def workload_state(
    body: Json, pods: tuple[PodState, ...] = (), revisions: tuple[Revision, ...] = ()
) -> WorkloadState:
    """Read a workload of one of the four kinds; absent counts in a status are zero."""
    spec, status = body["spec"], body.get("status") or {}
    template = (spec.get("template") or {}).get("metadata") or {}
    counts = _daemon_counts if body["kind"] == DAEMONSETS.kind else _replica_counts
    replicas, total, updated, ready, available = counts(spec, status)
    return WorkloadState(
        ref=ObjectRef.of(body),
        resource_version=body["metadata"]["resourceVersion"],
        generation=body["metadata"].get("generation", 0),
        observed_generation=_observed_generation(status),
        replicas=replicas,
        total=total,
        updated=updated,
        ready=ready,
        available=available,
        paused=bool(spec.get("paused")),
        strategy=_strategy(body["kind"], spec, replicas),
        selector=_selector(spec, status),
        annotations=template.get("annotations") or {},
        labels=template.get("labels") or {},
        pods=pods,
        revisions=revisions,
        restarting=spec.get("restartAt") is not None and spec["restartAt"] != status.get("restartedAt"),
        body=body,
        deleting="deletionTimestamp" in body["metadata"],
    )


def _selector(spec: Json, status: Json) -> str:
    if "selector" not in spec:
        # A Rollout with a workloadRef takes it from there, and says which in its status.
        return str(status.get("selector", ""))
    return selector_of(spec["selector"]).written()


def _observed_generation(status: Json) -> int:
    """Return the generation that the controller has seen; a Rollout's controller writes it as a text."""
    seen = str(status.get("observedGeneration", 0))
    return int(seen) if seen.isdigit() else 0


def _replica_counts(spec: Json, status: Json) -> tuple[int, int, int, int, int]:
    total = status.get("replicas", 0)
    updated = status.get("updatedReplicas", 0)
    revision = status.get("currentRevision")
    if revision is not None and revision == status.get("updateRevision"):
        updated = total  # a StatefulSet that is not rolling out: all its pods are of the one revision
    return (
        spec.get("replicas", 1),
        total,
        updated,
        status.get("readyReplicas", 0),
        status.get("availableReplicas", 0),
    )


def _daemon_counts(spec: Json, status: Json) -> tuple[int, int, int, int, int]:
    wanted = status.get("desiredNumberScheduled", 0)
    return (
        wanted,
        status.get("currentNumberScheduled", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("numberAvailable", 0),
    )


def _strategy(kind: str, spec: Json, replicas: int) -> Strategy:
    if kind == ROLLOUTS.kind:
        return _argo_strategy(spec.get("strategy") or {}, replicas)
    given = spec.get("strategy" if kind == DEPLOYMENTS.kind else "updateStrategy") or {}
    name = given.get("type", "RollingUpdate")
    rolling = given.get("rollingUpdate") or {}
    if name == "Recreate":
        return Strategy(name, replicas)
    if kind == DEPLOYMENTS.kind:
        # As the Deployment controller rounds: surge up, unavailable down, and one of them must be there.
        surge = _pods(rolling.get("maxSurge", DEPLOYMENT_DEFAULT), replicas, up=True)
        away = _pods(rolling.get("maxUnavailable", DEPLOYMENT_DEFAULT), replicas, up=False)
        return Strategy(name, away if surge or away else 1)
    if kind == DAEMONSETS.kind:
        surge = _pods(rolling.get("maxSurge", 0), replicas, up=True)
        return Strategy(name, 0 if surge else _pods(rolling.get("maxUnavailable", 1), replicas, up=True))
    away = max(1, _pods(rolling.get("maxUnavailable", 1), replicas, up=False))
    return Strategy(name, away, partition=rolling.get("partition") or 0)


def _argo_strategy(given: Json, replicas: int) -> Strategy:
    """Say how a Rollout restarts: by evictions, one at a time at least (its controller's rollout/restart.go)."""
    canary = given.get("canary")
    if canary is None:
        return Strategy("blueGreen", 1)
    away = _pods(canary.get("maxUnavailable", DEPLOYMENT_DEFAULT), replicas, up=False)
    return Strategy("canary", max(1, away))


def _pods(value: int | str, replicas: int, *, up: bool) -> int:
    """Turn `2` or `25%` into a number of pods."""
    if isinstance(value, int):
        return value
    share = replicas * int(value.rstrip("%")) / 100
    return math.ceil(share) if up else math.floor(share)
