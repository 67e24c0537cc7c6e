"""Which nodes a pod may be on at all: taints, node selectors, and where its volumes can be attached.

Pod affinity and topology spread are not judged here: they depend on where the other pods go. The dry run cannot tell
either; while a drain is under way, a pod that finds no node stops the next evictions.
Source: k8s.io/component-helpers/scheduling/corev1 (nodeaffinity, tolerations).
"""

from collections.abc import Iterable, Mapping

from podvigil.remediate.targets.base import Json
from podvigil.remediate.targets.node import KEEPS_PODS_OUT, Node, Taint


def may_be_on(pod_spec: Json, node: Node, volumes: Iterable[Json] = ()) -> bool:
    """Return whether the scheduler could ever put the pod there, whatever room there is.

    Args:
        volumes: the required node selectors of the pod's PersistentVolumes.
    """
    required = ((pod_spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    return (
        all(node.labels.get(key) == value for key, value in (pod_spec.get("nodeSelector") or {}).items())
        and all(selects_node(selector, node) for selector in (required, *volumes) if selector is not None)
        and all(
            tolerates(pod_spec.get("tolerations") or (), taint)
            for taint in node.taints
            if taint.effect in KEEPS_PODS_OUT
        )
    )


def tolerates(tolerations: Iterable[Json], taint: Taint) -> bool:
    """Return whether a toleration lets the taint pass; one without a key, with Exists, passes all."""
    return any(
        t.get("effect") in (None, "", taint.effect)
        and t.get("key") in (None, "", taint.key)
        and (
            t.get("operator") == "Exists" or (t.get("key") == taint.key and t.get("value", "") == taint.value)
        )
        for t in tolerations
    )


def selects_node(selector: Json, node: Node) -> bool:
    """Return whether a v1.NodeSelector selects the node: one of its terms, all of that term's expressions."""
    return any(_term_holds(term, node) for term in selector.get("nodeSelectorTerms") or ())


def _term_holds(term: Json, node: Node) -> bool:
    labels, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not labels and not fields:
        return False  # an empty term selects nothing
    return all(_holds(e, node.labels) for e in labels) and all(
        _holds(e, {"metadata.name": node.name}) for e in fields
    )


def _holds(expression: Json, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), tuple(expression.get("values") or ())
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            if value is None or not _is_integer(value) or not _is_integer(values[0]):
                return False
            return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    return False  # an operator of a later version: what we do not understand does not fit


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdecimal()
