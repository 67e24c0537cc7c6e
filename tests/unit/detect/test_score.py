"""The arithmetic of a score, with numbers that can be checked by hand."""

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.score import evidence, in_sigma, residual, shares, weights_of, with_logit
from podvigil.detect.smoothing import smoothed
from podvigil.window.arrays import Array

WEIGHTS = weights_of(MODEL_FEATURES)


def test_falls_and_traffic_count_half() -> None:
    got = evidence(np.array([[2.0, -2.0, 2.0, -2.0]]), WEIGHTS)
    assert got == pytest.approx(np.array([[2.0, 1.0, 1.0, 0.5]]))


def test_expectations_are_subtracted_in_spreads() -> None:
    # 10 spreads seen, 7 expected: 3 spreads, not asinh 10 - asinh 7 = .35
    assert residual(np.arcsinh(10.0), np.arcsinh(7.0)) == pytest.approx(np.arcsinh(3.0))


@pytest.mark.parametrize(
    ("logit", "spreads"),
    [
        pytest.param(4.0, 5.0 + 0.5 * 4.0, id="adds-half-a-spread-per-unit"),
        pytest.param(-9.0, 5.0, id="never-takes-away"),
        pytest.param(99.0, 5.0 + 0.5 * 6.0, id="bounded"),
    ],
)
def test_logit(logit: float, spreads: float) -> None:
    got = with_logit(np.array([np.arcsinh(5.0)]), np.array([logit]), 0.5)
    assert got == pytest.approx([np.arcsinh(spreads)])


def test_shares_sum_to_one_or_are_nothing() -> None:
    got = shares(in_sigma(np.array([[5.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [99.0, 99.0, 99.0, 99.0]])))
    assert got.sum(axis=1) == pytest.approx([1.0, 0.0, 1.0])
    # sinh 5 = 74.2, sinh 3 = 10.0
    assert got[0, 0] == pytest.approx(74.2 / 84.2, abs=1e-3)


def test_smoothing_rises_faster_than_it_falls() -> None:
    state: Array = np.zeros(1)
    seen = []
    for value in (1.0, 1.0, 0.0, 0.0):
        state = smoothed(state, np.array([value]))
        seen.append(state[0])
    # .7, .7 + .7 × .3 = .91, .91 × .65 = .5915, × .65 = .3845
    assert seen == pytest.approx([0.7, 0.91, 0.5915, 0.384475])


@pytest.mark.parametrize(
    "features",
    [
        pytest.param((), id="none"),
        pytest.param((Feature.CPU, Feature.CPU), id="twice"),
        pytest.param((Feature.CPU, Feature.RESTARTS), id="not-a-vital-with-a-baseline"),
    ],
)
def test_features_that_no_score_takes(features: tuple[Feature, ...]) -> None:
    with pytest.raises(ValueError, match="score takes"):
        weights_of(features)
