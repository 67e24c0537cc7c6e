"""Statistics over the pods of each workload, against a plain loop over workloads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from podvigil.detect.habits.groups import Groups
from podvigil.window.arrays import Array

LEVELS = st.one_of(st.floats(-40.0, 40.0), st.just(float("nan")))


@st.composite
def pods(draw: st.DrawFn) -> tuple[np.ndarray, Array]:
    size = draw(st.integers(0, 12))
    rows = draw(hnp.arrays(np.intp, size, elements=st.integers(-1, 3)))
    values = draw(hnp.arrays(np.float64, (size, draw(st.sampled_from([1, 4, 12]))), elements=LEVELS))
    return rows, values


def middle(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


@given(pods())
def test_medians_of_each_workload_and_of_the_others(given: tuple[np.ndarray, Array]) -> None:
    rows, values = given
    groups = Groups.of(rows)
    medians, others = groups.medians(values)
    for feature in range(values.shape[1]):
        column = values[:, feature]
        assert medians[:, feature] == pytest.approx(
            [middle(column[rows == row]) for row in groups.rows], nan_ok=True
        )
        for slot, row in enumerate(rows):
            rest = column[(rows == row) & (np.arange(len(rows)) != slot)]
            expected = middle(rest) if row >= 0 and np.isfinite(column[slot]) else float("nan")
            assert others[slot, feature] == pytest.approx(expected, nan_ok=True)


@given(pods())
def test_sums_counts_and_extremes(given: tuple[np.ndarray, Array]) -> None:
    rows, values = given
    groups = Groups.of(rows)
    assert groups.rows.tolist() == sorted({row for row in rows.tolist() if row >= 0})
    for index, row in enumerate(groups.rows):
        mine = values[rows == row]
        known = np.isfinite(mine)
        assert groups.total(values)[index] == pytest.approx(np.where(known, mine, 0.0).sum(axis=0))
        assert groups.count(values)[index] == pytest.approx(known.sum(axis=0))
        highest = np.where(known, mine, -np.inf).max(axis=0)
        np.testing.assert_array_equal(groups.highest(values)[index], highest)
