"""Order statistics with holes agree with NumPy's own, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from podvigil.window.order import median, quantiles

SHARES = (0.25, 0.5, 0.75)


@given(
    hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=9),
        elements=st.floats(-1e6, 1e6) | st.just(np.nan),
    )
)
def test_quantiles_agree_with_numpy(rows: np.ndarray) -> None:
    got, count = quantiles(rows.copy(), SHARES)
    for index in np.ndindex(rows.shape[:-1]):
        held = rows[index][~np.isnan(rows[index])]
        assert count[index] == len(held)
        wanted = np.quantile(held, SHARES) if len(held) else np.full(3, np.nan)
        assert got[(slice(None), *index)] == pytest.approx(wanted, nan_ok=True, abs=1e-6)


def test_the_median_leaves_its_argument_alone() -> None:
    rows = np.array([[3.0, 1.0, np.nan, 2.0]])
    assert median(rows) == pytest.approx([2.0])
    assert rows[0, 0] == 3.0


def test_no_samples_at_all_is_unknown() -> None:
    got, count = quantiles(np.empty((2, 0)), (0.5,))
    assert np.isnan(got).all()
    assert (count == 0).all()
