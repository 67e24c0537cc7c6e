"""What bounds the resources of a namespace: ResourceQuotas, LimitRanges, VerticalPodAutoscalers. Pure readers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from podvigil.api.report import TargetReference
from podvigil.remediate.values.amounts import Amounts, amounts, qos_class

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Term:
    """One scope of a ResourceQuota: which pods it counts."""

    scope: str
    operator: str = "Exists"
    values: tuple[str, ...] = ()

    def counts(self, pod_spec: Json) -> bool:
        """Return whether it counts a pod; a scope that we do not know is taken to."""
        match self.scope:
            case "Terminating":
                return pod_spec.get("activeDeadlineSeconds") is not None
            case "NotTerminating":
                return pod_spec.get("activeDeadlineSeconds") is None
            case "BestEffort":
                return qos_class(pod_spec) == "BestEffort"
            case "NotBestEffort":
                return qos_class(pod_spec) != "BestEffort"
            case "PriorityClass":
                name = pod_spec.get("priorityClassName", "")
                return {
                    "In": name in self.values,
                    "NotIn": name not in self.values,
                    "DoesNotExist": not name,
                }.get(self.operator, bool(name))
            case "CrossNamespacePodAffinity":
                return any(
                    term.get("namespaces") or term.get("namespaceSelector") is not None
                    for term in _affinity_terms(pod_spec)
                )
        return True


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota: what it allows and what is used."""

    name: str
    hard: Amounts
    used: Amounts
    terms: tuple[Term, ...] = ()

    def counts(self, pod_spec: Json) -> bool:
        """Return whether it counts a pod: every scope must."""
        return all(term.counts(pod_spec) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Bounds:
    """One item of a LimitRange."""

    name: str
    """Of the LimitRange."""
    kind: str
    """Container or Pod; others do not concern us."""
    least: Amounts
    most: Amounts
    ratio: Amounts
    """The most that a limit may be, as a multiple of its request."""
    default_request: Mapping[str, str] = field(default_factory=dict)
    default_limit: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Everything of it that concerns one request; empty where the action adds and sets nothing."""

    quotas: tuple[Quota, ...] = ()
    bounds: tuple[Bounds, ...] = ()
    verticals: tuple[str, ...] = ()
    """VerticalPodAutoscalers that set the target's resources."""
    can_resize: bool = True
    """Whether the API server has pods/resize."""


NO_LIMITS: Final = Limits()
"""Of a namespace that has none."""


def quota(body: Json) -> Quota:
    """Read a ResourceQuota; one that nobody has counted yet has nothing used."""
    spec, status = body["spec"], body.get("status") or {}
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return Quota(
        name=body["metadata"]["name"],
        hard=amounts(spec.get("hard")),
        used=amounts(status.get("used")),
        terms=(
            *(Term(scope) for scope in spec.get("scopes") or ()),
            *(Term(s["scopeName"], s["operator"], tuple(s.get("values") or ())) for s in selected),
        ),
    )


def bounds(body: Json) -> tuple[Bounds, ...]:
    """Read a LimitRange."""
    return tuple(
        Bounds(
            name=body["metadata"]["name"],
            kind=item["type"],
            least=amounts(item.get("min")),
            most=amounts(item.get("max")),
            ratio=amounts(item.get("maxLimitRequestRatio")),
            default_request=item.get("defaultRequest") or {},
            default_limit=item.get("default") or {},
        )
        for item in body["spec"].get("limits") or ()
    )


def setting_resources(
    autoscalers: Iterable[Json], target: TargetReference, container: str
) -> tuple[str, ...]:
    """Return the VerticalPodAutoscalers that set a container's resources; one that only recommends does not."""
    return tuple(
        sorted(
            body["metadata"]["name"]
            for body in autoscalers
            if (ref := body["spec"].get("targetRef") or {}).get("kind") == target.kind
            and ref.get("name") == target.name
            and (body["spec"].get("updatePolicy") or {}).get("updateMode", "Auto") != "Off"
            and _mode(body["spec"], container) != "Off"
        )
    )


def with_defaults(pod_spec: Json, found: Iterable[Bounds]) -> dict[str, Any]:
    """Return the pod's spec as admission completes it: what a container leaves out, a LimitRange fills in."""
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for item in found:
        if item.kind == "Container":
            limits = {**item.default_limit, **limits}
            requests = {**item.default_request, **requests}
    changed = dict(pod_spec)
    for where in ("containers", "initContainers"):
        if where in pod_spec:
            changed[where] = [_completed(c, requests, limits) for c in pod_spec[where]]
    return changed


def _affinity_terms(pod_spec: Json) -> Iterator[Json]:
    """Yield what a pod asks for about other pods near it: wanted or not, required or preferred."""
    affinity = pod_spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for weighted in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield weighted["podAffinityTerm"]


def _completed(container: Json, requests: Mapping[str, str], limits: Mapping[str, str]) -> dict[str, Any]:
    resources = container.get("resources") or {}
    own_limits = resources.get("limits") or {}
    # The API server has set absent requests to the container's own limits before admission runs.
    own_requests = {**own_limits, **(resources.get("requests") or {})}
    merged = {"requests": {**requests, **own_requests}, "limits": {**limits, **own_limits}}
    return {**container, "resources": {**resources, **merged}}


def _mode(spec: Json, container: str) -> str:
    policies = (spec.get("resourcePolicy") or {}).get("containerPolicies") or ()
    by_name = {p.get("containerName"): p.get("mode", "Auto") for p in policies}
    mode: str = by_name.get(container, by_name.get("*", "Auto"))
    return mode
