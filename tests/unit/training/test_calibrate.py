"""The probability curve: monotone, weighted to a stated share, and true on other samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.detect.probability import ProbabilityCurve
from podvigil.training.calibrate import BINS, fit_curve, reliability, weights
from podvigil.training.cluster import Values


def drawn(
    seed: int, normal: int = 20_000, fault: int = 2_000
) -> tuple[Values, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]:
    rng = np.random.default_rng(seed)
    margin = np.concatenate([rng.normal(-2, 1, normal), rng.normal(1, 1, fault)])
    return margin, np.arange(normal + fault) >= normal


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(1, 300))
def test_whatever_the_samples_the_curve_is_one(seed: int, normal: int, fault: int) -> None:
    margin, truth = drawn(seed, normal, fault)
    if len(np.unique(margin)) < 3:
        return
    curve = fit_curve(margin, truth)
    assert len(curve.margin) <= 2 * BINS
    loaded = ProbabilityCurve(np.array(curve.margin), np.array(curve.probability))  # refuses what is no curve
    assert 0 < loaded.probability.max() < 1


def test_it_is_true_on_other_samples() -> None:
    curve = fit_curve(*drawn(0), fault_share=0.05)
    for row in reliability(curve, *drawn(1)):
        assert row.was == pytest.approx(row.said, abs=0.06)


def test_the_curve_is_the_one_of_bayes() -> None:
    """Normal densities at -2 and 1, spread 1, share 5 %: log-odds = log(.05/.95) + 3 (m + .5)."""
    curve = fit_curve(*drawn(0), fault_share=0.05)
    for margin in (-0.5, 0.0, 0.5, 1.0):
        odds = 0.05 / 0.95 * np.exp(3 * (margin + 0.5))
        said = np.interp(margin, curve.margin, curve.probability)
        assert said == pytest.approx(odds / (1 + odds), abs=0.06)


def test_weights_give_the_stated_share() -> None:
    truth = np.arange(100) < 30
    weight = weights(truth, 0.01)
    assert np.average(truth, weights=weight) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("margin", "fault", "why"),
    [
        pytest.param([0.0, 1.0], [True, True], "both kinds", id="only-faults"),
        pytest.param([0.0, 1.0], [False, False], "both kinds", id="no-fault"),
        pytest.param([1.0, 1.0], [False, True], "all margins are equal", id="nothing-to-tell"),
    ],
)
def test_what_cannot_be_fitted_says_why(margin: list[float], fault: list[bool], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        fit_curve(np.array(margin), np.array(fault))
