"""The kinds of objects that we read or write, and where the API server keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote


class NoSuchName(ValueError):
    """No object can have this name; in a path it would lead to another place."""


def _checked(name: str) -> str:
    """Return a name as it is. Raises: NoSuchName for what `IsValidPathSegmentName` of apimachinery refuses."""
    if name in (".", "..") or "/" in name or "%" in name:
        raise NoSuchName(f"{name!r} is no name of an object: it must not be . or .. or contain / or %")
    return name


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API server serves it; the core group is written `""`."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As it stands in an object's `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Where the object is; without a name the collection, without a namespace that of all namespaces.

        Raises: ValueError when the parts do not name one place, e.g. one pod without a namespace; NoSuchName.
        """
        if namespace is not None and not self.namespaced:
            raise ValueError(f"{self.plural} have no namespace, got {namespace!r}")
        if self.namespaced and name is not None and not namespace:
            raise ValueError(f"{self.plural}/{name}: a namespace is needed")
        if name == "" or (subresource is not None and name is None):
            raise ValueError(f"{self.plural}: a name is needed")
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace:
            parts += ["namespaces", _checked(namespace)]
        parts.append(self.plural)
        if name is not None:
            parts.append(_checked(name))
        if subresource is not None:
            parts.append(subresource)
        return "/" + "/".join(quote(part, safe=":") for part in parts)


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One object at one moment of its life: a namesake made later has another uid."""

    api_version: str
    kind: str
    name: str
    namespace: str | None = None
    uid: str = ""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """Read it from an object as the API server returned it."""
        metadata = body["metadata"]
        return cls(
            body["apiVersion"],
            body["kind"],
            metadata["name"],
            metadata.get("namespace"),
            metadata.get("uid", ""),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


PODS: Final = Resource("", "v1", "pods", "Pod")
NODES: Final = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
SERVICEACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
EVENTS: Final = Resource("events.k8s.io", "v1", "events", "Event")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
STATEFULSETS: Final = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMONSETS: Final = Resource("apps", "v1", "daemonsets", "DaemonSet")
REPLICASETS: Final = Resource("apps", "v1", "replicasets", "ReplicaSet")
ROLLOUTS: Final = Resource("argoproj.io", "v1alpha1", "rollouts", "Rollout")
"""Of Argo Rollouts; served only where that is installed."""
JOBS: Final = Resource("batch", "v1", "jobs", "Job")
CRONJOBS: Final = Resource("batch", "v1", "cronjobs", "CronJob")
PODDISRUPTIONBUDGETS: Final = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
HORIZONTALPODAUTOSCALERS: Final = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"
)
VERTICALPODAUTOSCALERS: Final = Resource(
    "autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler"
)
"""Of the autoscaler project; served only where that is installed."""
PERSISTENTVOLUMES: Final = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
RESOURCEQUOTAS: Final = Resource("", "v1", "resourcequotas", "ResourceQuota")
LIMITRANGES: Final = Resource("", "v1", "limitranges", "LimitRange")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
CRDS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)


def _admission(kind: str) -> Resource:
    group, plural = "admissionregistration.k8s.io", kind.lower()
    plural = plural[:-1] + "ies" if plural.endswith("y") else plural + "s"
    return Resource(group, "v1", plural, kind, namespaced=False)


VALIDATINGADMISSIONPOLICIES: Final = _admission("ValidatingAdmissionPolicy")
VALIDATINGADMISSIONPOLICYBINDINGS: Final = _admission("ValidatingAdmissionPolicyBinding")
MUTATINGADMISSIONPOLICIES: Final = _admission("MutatingAdmissionPolicy")
"""Served as v1 from Kubernetes 1.36; older servers answer 404."""
MUTATINGADMISSIONPOLICYBINDINGS: Final = _admission("MutatingAdmissionPolicyBinding")

ANOMALYMONITORS: Final = Resource(
    "podvigil.io", "v1alpha1", "anomalymonitors", "AnomalyMonitor", namespaced=False
)
ANOMALYREPORTS: Final = Resource("podvigil.io", "v1alpha1", "anomalyreports", "AnomalyReport")
REMEDIATIONACTIONS: Final = Resource("podvigil.io", "v1alpha1", "remediationactions", "RemediationAction")
"""Not served: the verbs `approve`, `auto-approve` and `execute` on it, named like an action in lower case, are
rights."""
REMEDIATIONREQUESTS: Final = Resource("podvigil.io", "v1alpha1", "remediationrequests", "RemediationRequest")
