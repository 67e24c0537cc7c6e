"""An explanation shows what made the score, the most first."""

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.detector import Scores
from podvigil.detect.explain import explain


def scores(contribution: list[float], deviation: list[float]) -> Scores:
    row = np.arange(4.0)[None]
    return Scores(
        score=np.array([5.0]),
        contribution=np.array([contribution]),
        deviation=np.array([deviation]),
        observed=row + 10,
        expected=row,
        low=row - 1,
        high=row + 1,
        cold=np.array([False]),
        habitual=np.array([False]),
    )


def test_the_largest_share_comes_first() -> None:
    first, second = explain(scores([0.2, 0.77, 0.03, 0.0], [2.0, 5.0, 0.5, 0.0]), 0, MODEL_FEATURES)
    assert (first.feature, first.share, first.observed, first.expected) == (Feature.MEMORY, 0.77, 11.0, 1.0)
    assert (first.low, first.high, first.deviation) == (0.0, 2.0, 5.0)
    assert second.feature == Feature.CPU


@pytest.mark.parametrize(
    ("contribution", "deviation"),
    [
        pytest.param([0.0] * 4, [0.0] * 4, id="nothing-deviates"),
        pytest.param([1.0, 0.0, 0.0, 0.0], [np.nan] * 4, id="no-sample-now"),
    ],
)
def test_nothing_to_show(contribution: list[float], deviation: list[float]) -> None:
    assert explain(scores(contribution, deviation), 0, MODEL_FEATURES) == ()
