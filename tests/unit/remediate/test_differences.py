"""What a change would change, for a person to read."""

from typing import Any

import pytest

from podvigil.remediate.values.differences import differences


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(
            {"spec": {"replicas": 3}}, {"spec": {"replicas": 4}}, ("spec.replicas: 3 → 4",), id="changed"
        ),
        pytest.param({"spec": {}}, {"spec": {"a": {"b": "x"}}}, ("spec.a.b: (none) → x",), id="added-below"),
        pytest.param({"spec": {"a": "x"}}, {"spec": {}}, ("spec.a: x → (none)",), id="removed"),
        pytest.param({"c": [{"i": 1}, 2]}, {"c": [{"i": 3}, 2]}, ("c.0.i: 1 → 3",), id="in-a-list"),
        pytest.param({"c": [1]}, {"c": [1, 2]}, ("c: [1] → [1, 2]",), id="list-grew"),
        pytest.param(
            {"metadata": {"resourceVersion": "1", "generation": 1, "managedFields": [1]}, "status": {"a": 1}},
            {"metadata": {"resourceVersion": "2", "generation": 2, "managedFields": [2]}, "status": {"a": 2}},
            (),
            id="bookkeeping",
        ),
    ],
)
def test_differences(before: dict[str, Any], after: dict[str, Any], lines: tuple[str, ...]) -> None:
    assert differences(before, after) == lines


def test_lines_and_their_number_are_bounded_as_the_schema_asks() -> None:
    lines = differences({}, {f"field{number:02}": "x" * 1000 for number in range(30)})
    assert len(lines) == 20
    assert max(map(len, lines)) == 512
    assert lines[-1] == "… and 11 more fields"
