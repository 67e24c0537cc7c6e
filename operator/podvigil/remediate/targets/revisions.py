"""The pod templates that a workload had, as its ReplicaSets keep them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from podvigil.remediate.targets.base import Json

NUMBERS: Final = ("deployment.kubernetes.io/revision", "rollout.argoproj.io/revision")
"""Annotations that a Deployment's, or an Argo Rollout's, controller numbers its ReplicaSets by."""

CAUSE: Final = "kubernetes.io/change-cause"
"""Annotation in which people say why they changed a workload; `kubectl rollout history` shows it."""

HASH: Final = "pod-template-hash"
"""Label that the controller adds to tell its ReplicaSets apart; no part of the template that a person wrote."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One ReplicaSet of the workload."""

    number: int
    """The higher the newer; a template that is put back becomes the newest. 0: the controller has not said yet."""
    replica_set: str
    """Its name: unlike the number it stays when the template is put back."""
    uid: str
    created: datetime
    """When the template was first rolled out; one that was put back keeps it."""
    cause: str
    """Why, if whoever made it said so."""
    template: Json = field(repr=False)
    """The pod template, without the controller's hash."""


def revisions_of(replica_sets: Iterable[Json], owner_uid: str) -> tuple[Revision, ...]:
    """Return the revisions that this very workload controls, the oldest first."""
    ours = (body for body in replica_sets if _is_controlled_by(body, owner_uid))
    return tuple(sorted(map(_revision, ours), key=lambda r: (r.number, r.replica_set)))


def without_hash(template: Json) -> dict[str, Any]:
    """Return the template as a person wrote it."""
    metadata = dict(template.get("metadata") or {})
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _is_controlled_by(body: Json, uid: str) -> bool:
    references = body["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner["uid"] == uid for owner in references)


def _revision(body: Json) -> Revision:
    metadata, annotations = body["metadata"], body["metadata"].get("annotations") or {}
    number = next((annotations[key] for key in NUMBERS if key in annotations), "0")
    return Revision(
        number=int(number) if number.isdigit() else 0,
        replica_set=metadata["name"],
        uid=metadata["uid"],
        created=datetime.fromisoformat(metadata["creationTimestamp"]),
        cause=annotations.get(CAUSE, ""),
        template=without_hash(body["spec"]["template"]),
    )
