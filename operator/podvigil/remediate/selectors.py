"""Whether a label selector selects a set of labels, as metav1.LabelSelector defines it."""

from collections.abc import Mapping

from podvigil.api.monitor import LabelSelector, SelectorOperator, SelectorRequirement


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
