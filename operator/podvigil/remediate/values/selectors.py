"""Whether a label selector selects a set of labels, as metav1.LabelSelector defines it."""

from collections.abc import Mapping
from typing import Any

from podvigil.api.selectors import LabelSelector, SelectorOperator, SelectorRequirement


def selector_of(body: Mapping[str, Any] | None) -> LabelSelector:
    """Read the selector of another kind, which may be longer than those that a monitor may have."""
    given = body or {}
    return LabelSelector.model_construct(
        match_labels=given.get("matchLabels"),
        match_expressions=tuple(
            SelectorRequirement.model_construct(
                key=each["key"],
                operator=SelectorOperator(each["operator"]),
                values=tuple(each.get("values") or ()),
            )
            for each in given.get("matchExpressions") or ()
        ),
    )


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Return whether every term holds; an empty selector selects everything."""
    return all(labels.get(key) == value for key, value in (selector.match_labels or {}).items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions or ()
    )


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    values = requirement.values or ()
    match requirement.operator:
        case SelectorOperator.IN:
            return value in values
        case SelectorOperator.NOT_IN:  # true without the label too
            return value not in values
        case SelectorOperator.EXISTS:
            return value is not None
        case SelectorOperator.DOES_NOT_EXIST:
            return value is None
