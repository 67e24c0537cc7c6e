"""A curve is monotone by construction, or it is refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.detect.probability import UNFITTED, ProbabilityCurve

CURVE = ProbabilityCurve(np.array([-1.0, 0.0, 2.0]), np.array([0.0, 0.4, 0.9]))


@pytest.mark.parametrize(
    ("score", "probability"),
    [
        pytest.param(3.0, 0.4, id="at-the-threshold"),
        pytest.param(4.0, 0.65, id="half-way-between-two-points"),
        pytest.param(1e9, 0.9, id="flat-above"),
        pytest.param(0.0, 0.0, id="flat-below"),
        pytest.param(np.nan, np.nan, id="unknown-stays-unknown"),
    ],
)
def test_at(score: float, probability: float) -> None:
    assert CURVE.at(np.array([score]), 3.0) == pytest.approx([probability], nan_ok=True)


@given(st.lists(st.floats(-20, 20), min_size=2))
def test_a_higher_score_is_never_less_likely(scores: list[float]) -> None:
    got = UNFITTED.at(np.sort(scores), 1.0)
    assert (np.diff(got) >= 0).all()


@pytest.mark.parametrize(
    ("margin", "probability", "named"),
    [
        pytest.param([0.0], [0.5], "length", id="one-point"),
        pytest.param([0.0, 1.0], [0.5], "length", id="unequal"),
        pytest.param([0.0, 0.0], [0.1, 0.5], "margin", id="margin-stands-still"),
        pytest.param([0.0, np.inf], [0.1, 0.5], "margin", id="margin-infinite"),
        pytest.param([0.0, 1.0], [0.5, 0.1], "probability", id="falls"),
        pytest.param([0.0, 1.0], [0.5, 1.1], "probability", id="above-one"),
        pytest.param([0.0, 1.0], [np.nan, 0.5], "probability", id="not-a-number"),
    ],
)
def test_a_bad_curve_is_refused(margin: list[float], probability: list[float], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        ProbabilityCurve(np.array(margin), np.array(probability))


def test_a_curve_does_not_change_with_its_source() -> None:
    margin = np.array([0.0, 1.0])
    curve = ProbabilityCurve(margin, np.array([0.0, 1.0]))
    margin[0] = 0.9
    assert curve.margin[0] == 0.0
