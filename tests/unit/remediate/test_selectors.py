"""Label selectors select as the API server's do."""

from typing import Any

import pytest

from podvigil.api.monitor import LabelSelector
from podvigil.remediate.selectors import selects

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
