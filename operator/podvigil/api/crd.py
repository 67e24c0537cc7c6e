"""Generates the CustomResourceDefinitions from the models: `python -m podvigil.api.crd crds/`.

Pydantic writes JSON Schema; Kubernetes takes only *structural* OpenAPI v3 schemas: no `$ref`, no `anyOf` with
null, no `title`. This is the translation, and the only place that knows both. Sources:
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

import copy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from podvigil.api.base import ApiModel
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest

GROUP: Final = "podvigil.io"
VERSION: Final = "v1alpha1"

_KEPT: Final = (
    "type", "format", "description", "enum", "default", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "minItems", "maxItems", "maxProperties", "x-kubernetes-validations", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; `wide` ones show with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def dump(self) -> dict[str, Any]:
        """Return the column as the CRD takes it."""
        column: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return column | {"priority": 1} if self.wide else column


def _condition(kind: str, field: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")


@dataclass(frozen=True, slots=True)
class KindDefinition:
    """What a CRD needs beside the schema."""

    model: type[ApiModel]
    plural: str
    short: str
    namespaced: bool
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind, e.g. `AnomalyReport`."""
        return self.model.__name__


KINDS: Final = (
    KindDefinition(
        AnomalyMonitor,
        "anomalymonitors",
        "anmon",
        namespaced=False,
        columns=(
            Column("Ready", _condition("Ready")),
            Column("Reason", _condition("Ready", "reason")),
            Column("Pods", ".status.podsWatched", "integer"),
            Column("Scored", ".status.podsScored", "integer"),
            Column("Reports", ".status.reportsActive", "integer"),
            Column("Interval", ".spec.interval"),
            Column("Model", ".spec.detection.model", wide=True),
            Column("Remediation", ".spec.remediation.mode", wide=True),
            Column("Last tick", ".status.lastTickTime", "date", wide=True),
            AGE,
        ),
    ),
    KindDefinition(
        AnomalyReport,
        "anomalyreports",
        "anom",
        namespaced=True,
        columns=(
            Column("Kind", ".spec.target.kind"),
            Column("Target", ".spec.target.name"),
            Column("Signal", ".spec.signal"),
            Column("Severity", ".status.severity"),
            Column("Active", _condition("Active")),
            Column("Pods", ".status.podsAffected", "integer"),
            Column("Seen", ".status.lastSeen", "date"),
            AGE,
            Column("Probability", ".status.probabilityPermille", "integer", wide=True),
            Column("Limit in", ".status.timeToLimit.estimate", wide=True),
            Column("Summary", ".status.summary", wide=True),
        ),
        selectable=(".spec.target.name", ".spec.target.kind", ".spec.signal", ".status.severity"),
    ),
    KindDefinition(
        RemediationRequest,
        "remediationrequests",
        "remreq",
        namespaced=True,
        columns=(
            Column("Action", ".spec.plan.action"),
            Column("Target", ".spec.plan.target.name"),
            Column("Preflighted", _condition("Preflighted")),
            Column("Decision", ".spec.approval.decision"),
            Column("By", ".spec.approval.approvedBy"),
            Column("Executed", _condition("Executed")),
            Column("Outcome", _condition("Succeeded", "reason")),
            AGE,
            Column("Expires", ".spec.plan.expiresAt", wide=True),
            Column("Message", _condition("Succeeded", "message"), wide=True),
        ),
        selectable=(".spec.plan.target.name", ".spec.plan.target.kind", ".spec.plan.action"),
    ),
)


def structural(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return a structural schema: references inlined, null dropped, only keywords that Kubernetes keeps.

    Raises: ValueError for a construct with no structural form, such as a union of types.
    """
    merged = _inlined(schema, definitions)
    if "const" in merged:
        merged["enum"] = [merged["const"]]
    # Copies, or what two fields share would be written as a YAML alias.
    out: dict[str, Any] = {key: copy.deepcopy(merged[key]) for key in _KEPT if key in merged}
    default = _default(merged.get("default"))
    out.pop("default", None)
    if default is not None:
        out["default"] = default
    if "properties" in merged:
        out["properties"] = {n: structural(p, definitions) for n, p in merged["properties"].items()}
        required = [n for n in merged.get("required", ()) if n in out["properties"]]
        if required:
            out["required"] = required
    if "items" in merged:
        out["items"] = structural(merged["items"], definitions)
    if isinstance(merged.get("additionalProperties"), dict):
        out["additionalProperties"] = structural(merged["additionalProperties"], definitions)
    if "type" not in out:
        raise ValueError(f"no structural form for {schema}")
    return out


def _inlined(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Resolve `$ref`, `allOf` of one, and `anyOf` with null; what stands beside the reference wins."""
    here = {k: v for k, v in schema.items() if k not in ("$ref", "allOf", "anyOf")}
    if "$ref" in schema:
        target = _inlined(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    elif "allOf" in schema or "anyOf" in schema:
        options = [o for o in schema.get("allOf") or schema["anyOf"] if o.get("type") != "null"]
        if len(options) != 1:
            raise ValueError(f"a union has no structural form: {schema}")
        target = _inlined(options[0], definitions)
    else:
        return here
    both = target.get("x-kubernetes-validations", []) + here.get("x-kubernetes-validations", [])
    return target | here | ({"x-kubernetes-validations": both} if both else {})


def _default(value: Any) -> Any:
    """Return the default that the server fills in; nested defaults are the server's own work."""
    if isinstance(value, dict):
        return {}
    if isinstance(value, (list, tuple)):
        return list(value) or None
    return value


def definition(of: KindDefinition) -> dict[str, Any]:
    """Return the CustomResourceDefinition of one kind."""
    raw = of.model.model_json_schema(by_alias=True, mode="validation")
    definitions = raw.pop("$defs", {})
    properties = raw["properties"]
    spec = structural(properties["spec"], definitions)
    status = structural(properties["status"], definitions)
    status.pop("default", None)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{of.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": of.kind,
                "listKind": f"{of.kind}List",
                "plural": of.plural,
                "singular": of.kind.lower(),
                "shortNames": [of.short],
                "categories": ["podvigil"],
            },
            "scope": "Namespaced" if of.namespaced else "Cluster",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": (of.model.__doc__ or "").strip(),
                            "required": ["spec"],
                            "properties": {
                                "apiVersion": {
                                    "type": "string",
                                    "description": "API version of this object.",
                                },
                                "kind": {"type": "string", "description": "Kind of this object."},
                                "metadata": {"type": "object"},
                                "spec": spec,
                                "status": status,
                            },
                        }
                    },
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [c.dump() for c in of.columns],
                    **(
                        {"selectableFields": [{"jsonPath": p} for p in of.selectable]}
                        if of.selectable
                        else {}
                    ),
                }
            ],
        },
    }


def written(of: KindDefinition) -> str:
    """Return the file's text."""
    head = "# Generated from operator/podvigil/api by `make crds`; do not edit.\n"
    return head + yaml.safe_dump(definition(of), sort_keys=False, width=110, allow_unicode=True)


def main(folder: Path) -> None:
    """Write one file for each kind, and the kustomization that lists them."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{GROUP}_{of.plural}.yaml" for of in KINDS]
    for of, name in zip(KINDS, names, strict=True):
        (folder / name).write_text(written(of))
    listing = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(listing, sort_keys=False))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "crds"))
