"""A PodDisruptionBudget as far as an eviction asks."""

from dataclasses import dataclass

from podvigil.api.selectors import LabelSelector
from podvigil.remediate.targets.base import Json
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.values.selectors import selector_of, selects


@dataclass(frozen=True, slots=True)
class PodBudget:
    """One budget at one moment."""

    namespace: str
    name: str
    selector: LabelSelector | None
    """None selects nothing, an empty one every pod of the namespace (policy/v1)."""
    disruptions_allowed: int

    def covers(self, pod: PodState) -> bool:
        """Return whether an eviction of the pod asks this budget."""
        labels = pod.body["metadata"].get("labels") or {}
        return (
            self.namespace == pod.namespace and self.selector is not None and selects(self.selector, labels)
        )

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def pod_budget(body: Json) -> PodBudget:
    """Read a budget; one that its controller has not counted yet allows nothing."""
    selector = body["spec"].get("selector")
    return PodBudget(
        namespace=body["metadata"]["namespace"],
        name=body["metadata"]["name"],
        selector=None if selector is None else selector_of(selector),
        disruptions_allowed=(body.get("status") or {}).get("disruptionsAllowed", 0),
    )
