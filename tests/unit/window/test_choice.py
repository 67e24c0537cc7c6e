"""Exact while it is cheap, compact above, and nothing lost on the way."""

import numpy as np
import pytest

from podvigil.window.choice import EXACT_SAMPLES, is_exact, larger, ring_for
from podvigil.window.compact import CompactRing, compact_shape
from podvigil.window.ring import WindowShape


@pytest.mark.parametrize(
    ("pods", "features", "interval", "exact"),
    [
        pytest.param(20_000, 4, 30, True, id="the-default-limit-of-pods-is-exact"),
        pytest.param(38_000, 4, 30, True, id="38000-pods-with-four-features"),
        pytest.param(39_000, 4, 30, False, id="39000-pods"),
        pytest.param(19_000, 8, 30, True, id="19000-pods-with-eight"),
        pytest.param(150_000, 8, 30, False, id="150000-pods"),
        pytest.param(6_400, 4, 5, True, id="6400-pods-at-5-s"),
        pytest.param(10_000, 4, 5, False, id="10000-pods-at-5-s"),
    ],
)
def test_the_form_depends_on_the_samples(pods: int, features: int, interval: float, exact: bool) -> None:
    assert is_exact(WindowShape.of(interval), features=features, capacity=pods) is exact


def test_growing_past_the_limit_keeps_what_was_seen() -> None:
    shape = WindowShape.of(3600)  # six samples a pod: the limit is reached with many pods and little memory
    few, many = 1_000, EXACT_SAMPLES // shape.stored + 1
    ring = ring_for(shape, features=1, capacity=few)
    assert not isinstance(ring, CompactRing)
    for tick in range(6):
        ring.push(np.full((few, 1), float(tick)))
    before = np.sort(ring.before_gap(slice(0, few)))
    ring = larger(ring, many)
    assert isinstance(ring, CompactRing)
    assert ring.capacity == many
    np.testing.assert_array_equal(np.sort(ring.before_gap(slice(0, few))), before)
    assert np.isnan(ring.before_gap(slice(few, few + 10))).all()


def test_growing_below_the_limit_changes_nothing() -> None:
    ring = ring_for(WindowShape.of(30), features=2, capacity=3)
    assert larger(ring, 5) is ring
    assert ring.capacity == 5


def test_150000_pods_with_eight_features_fit_into_150_mb() -> None:
    stored = compact_shape(WindowShape.of(30)).stored
    center_and_scale = 2 * np.dtype(CompactRing.precision).itemsize
    assert 150_000 * 8 * (2 * stored + center_and_scale) <= 150e6
