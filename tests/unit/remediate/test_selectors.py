"""Label selectors select as the API server's do."""

from typing import Any

import pytest

from podvigil.api.selectors import LabelSelector
from podvigil.remediate.values.selectors import selector_of, selects

LABELS = {"app": "web", "tier": "front"}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values) or None}]}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        pytest.param({}, True, id="empty-selects-everything"),
        pytest.param({"matchLabels": {"app": "web"}}, True, id="label-is-there"),
        pytest.param({"matchLabels": {"app": "web", "tier": "back"}}, False, id="one-label-differs"),
        pytest.param({"matchLabels": {"zone": "a"}}, False, id="label-is-absent"),
        pytest.param(expression("app", "In", "web", "api"), True, id="in"),
        pytest.param(expression("app", "In", "api"), False, id="not-among"),
        pytest.param(expression("app", "NotIn", "web"), False, id="not-in-and-there"),
        pytest.param(expression("zone", "NotIn", "a"), True, id="not-in-and-absent"),
        pytest.param(expression("app", "Exists"), True, id="exists"),
        pytest.param(expression("zone", "Exists"), False, id="does-exist-not"),
        pytest.param(expression("zone", "DoesNotExist"), True, id="does-not-exist"),
        pytest.param(
            {"matchLabels": {"app": "web"}, **expression("tier", "In", "back")},
            False,
            id="all-terms-must-hold",
        ),
    ],
)
def test_selects(selector: dict[str, Any], selected: bool) -> None:
    assert selects(LabelSelector.model_validate(selector), LABELS) is selected


@pytest.mark.parametrize(
    "selector",
    [
        pytest.param({"matchLabels": {f"label-{n}": "x" for n in range(100)}}, id="a-hundred-labels"),
        pytest.param(expression("app", "NotIn", *map(str, range(1000))), id="a-thousand-values"),
        pytest.param(None, id="none"),
    ],
)
def test_a_selector_of_another_kind_has_no_bounds_of_ours(selector: dict[str, Any] | None) -> None:
    """A PodDisruptionBudget anywhere in the cluster must not end the executor."""
    labels = LABELS | {f"label-{n}": "x" for n in range(100)}
    assert selects(selector_of(selector), labels)
