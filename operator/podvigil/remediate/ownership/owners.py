"""Who owns the fields of an object: read from metadata.managedFields, and from the marks that tools leave. Pure.

Every writer is recorded with the fields it set (server-side apply, KEP-555). An applier keeps its fields until it
applies without them; an updater loses a field to the next one who changes it. So a reconciler that applies by update
may have lost a field that it will set again: for those the last applied manifest is asked, where it was kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Json = Mapping[str, Any]
Path = tuple[str, ...]
"""Keys from the top; `[app]` is the item of a list whose name is app."""

OURS: Final = "podvigil"
"""Each field manager of ours begins with it."""

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"

RECONCILERS: Final = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "fleetagent": "Fleet",
    "helm": "Helm",
    "Terraform": "Terraform",
    "HashiCorp": "Terraform",
    "pulumi-kubernetes": "Pulumi",
    "kapp": "kapp",
    "keda": "KEDA",
    "keda-operator": "KEDA",
    "vpa-updater": "the VerticalPodAutoscaler",
}
"""Names of field managers that put a field back to what they were told; by their beginning."""

PEOPLE: Final = "kubectl"
"""kubectl names its managers after itself: kubectl, kubectl-client-side-apply, kubectl-edit, kubectl-set, …"""


class Kind(Enum):
    """What kind of writer a field manager is."""

    OURS = "us"
    RECONCILER = "a tool that puts back what it was told"
    PERSON = "a person with kubectl"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class Owner:
    """One field manager of a field."""

    manager: str
    applies: bool
    """By server-side apply; else by an update."""

    @property
    def kind(self) -> Kind:
        """What kind of writer it is."""
        if self.manager.startswith(OURS):
            return Kind.OURS
        if self.tool is not None:
            return Kind.RECONCILER
        return Kind.PERSON if self.manager.startswith(PEOPLE) else Kind.OTHER

    @property
    def tool(self) -> str | None:
        """The tool behind it, if it is a known reconciler."""
        name = self.manager
        return next((t for m, t in RECONCILERS.items() if name == m or name.startswith(f"{m}-")), None)


@dataclass(frozen=True, slots=True)
class Source:
    """The tool that an object says it comes from."""

    name: str
    """For a person, e.g. `the Argo CD application shop`."""
    restores: bool
    """Whether it puts back by itself what others change; Helm does so only at its next upgrade."""


def owners(body: Json, path: Path) -> tuple[Owner, ...]:
    """Return every manager of the field, or of a part of it, by name."""
    found = {
        Owner(entry.get("manager", ""), applies=entry.get("operation") == "Apply")
        for entry in body["metadata"].get("managedFields") or ()
        if entry.get("subresource") != "status" and _has(entry.get("fieldsV1") or {}, path)
    }
    return tuple(sorted(found, key=lambda owner: (owner.manager, owner.applies)))


def is_declared(body: Json, path: Path) -> bool | None:
    """Return whether the last manifest that was applied by update names the field; None: none was kept."""
    manifest = _last_applied(body)
    return None if manifest is None else _at(manifest, path) is not None


def declared(body: Json, path: Path) -> str:
    """Return the field's value in the last manifest that was applied by update; empty when it names none.

    Such an apply leaves no trace in managedFields when the value is there already.
    """
    found = _at(_last_applied(body), path)
    return "" if found is None else str(found)


def is_owned_by_others(body: Json, path: Path) -> bool:
    """Return whether another field manager owns the field.

    A change of a value takes the field from all who owned it: whoever owns it beside us has come since.
    """
    return any(owner.kind is not Kind.OURS for owner in owners(body, path))


def _last_applied(body: Json) -> Any:
    kept = (body["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        return None if kept is None else json.loads(kept)
    except ValueError:
        return None  # anybody can write annotations


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = _into(value, key)
    return value


def source(body: Json) -> Source | None:
    """Return the tool whose labels or annotations the object carries."""
    metadata = body["metadata"]
    marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
    if tracked := marks.get("argocd.argoproj.io/tracking-id"):
        return Source(f"the Argo CD application {tracked.partition(':')[0]}", restores=True)
    if instance := marks.get("argocd.argoproj.io/instance"):
        return Source(f"the Argo CD application {instance}", restores=True)
    for kind, what in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        if name := marks.get(f"{kind}.toolkit.fluxcd.io/name"):
            namespace = marks.get(f"{kind}.toolkit.fluxcd.io/namespace", "")
            return Source(f"the Flux {what} {namespace}/{name}", restores=True)
    if release := marks.get("meta.helm.sh/release-name"):
        return Source(f"the Helm release {release}", restores=False)
    return None


def controller(body: Json) -> str | None:
    """Return the object that made this one and keeps it, e.g. `Prometheus main`."""
    refs = body["metadata"].get("ownerReferences") or ()
    return next((f"{ref['kind']} {ref['name']}" for ref in refs if ref.get("controller")), None)


def owned_by(body: Json, manager: str, path: Path) -> Json:
    """Return what a manager applied below a path, as fieldsV1 has it; empty when nothing."""
    for entry in body["metadata"].get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            found: Any = entry.get("fieldsV1") or {}
            for key in path:
                found = found.get(_key(key)) or {}
            return dict(found)
    return {}


def _has(fields: Json, path: Path) -> bool:
    """Return whether a set of fields holds the path, a part of it, or all of what it is in."""
    here: Any = fields
    for key in path:
        if _key(key) not in here:
            return False
        here = here[_key(key)]
        if not here:
            return True  # the whole of it, which cannot be owned in parts
    return True


def _key(key: str) -> str:
    if key.startswith("["):
        return "k:" + json.dumps({"name": key[1:-1]}, separators=(",", ":"))
    return f"f:{key}"


def _into(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return next(
            (item for item in value if isinstance(item, dict) and item.get("name") == key[1:-1]), None
        )
    return value.get(key) if isinstance(value, dict) else None
