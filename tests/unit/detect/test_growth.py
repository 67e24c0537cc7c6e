"""The ladder of highest values: what it remembers, for how long, and of whom."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.detect.growth import POINTS, RUNGS, UNIT, GrowthLadder
from podvigil.window.arrays import Array

ONE = np.array([0])


def ladder(values: Array, interval: float = 60.0) -> GrowthLadder:
    """A ladder of one pod that saw these samples."""
    made = GrowthLadder(interval_seconds=interval, capacity=1)
    for value in values:
        made.push(np.array([value]))
    return made


@given(
    st.lists(st.one_of(st.floats(0, 1e12), st.just(np.nan)), min_size=1, max_size=200),
    st.sampled_from([10.0, 60.0, 3600.0]),
)
def test_every_rung_holds_the_highest_of_each_stretch(samples: list[float], interval: float) -> None:
    made = ladder(np.array(samples), interval)
    for rung in range(RUNGS):
        length = made.stretch << rung
        values, ages = made.points(rung, ONE)
        whole = len(samples) // length
        for point in range(POINTS):
            stretch = whole - POINTS + point
            assert ages[point] == len(samples) - (stretch + 1) * length
            seen = samples[stretch * length : (stretch + 1) * length] if stretch >= 0 else []
            known = [s for s in seen if not np.isnan(s)]
            if known:
                # float16 keeps eleven bits; below 16 KiB it keeps steps of 16 bytes.
                assert values[0, point] == pytest.approx(max(known), rel=2**-11, abs=UNIT * 2**-25)
            else:
                assert np.isnan(values[0, point])


@pytest.mark.parametrize("share", [1e-4, 0.031, 0.9996, 1.0])
def test_of_another_unit_as_much_is_kept(share: float) -> None:
    made = GrowthLadder(interval_seconds=60.0, capacity=1, unit=1.0)
    for _ in range(20):
        made.push(np.array([share]))
    values, _ = made.points(0, ONE)
    np.testing.assert_allclose(values, share, rtol=2**-11)
    assert made.largest > 1e4


@pytest.mark.parametrize("value", [-1.0, -1e300, -np.inf, np.nan])
def test_what_is_no_amount_is_no_sample(value: float) -> None:
    values, _ = ladder(np.full(20, value)).points(0, ONE)
    assert np.isnan(values).all()


@pytest.mark.parametrize("value", [1e30, 1e308, np.inf])
def test_an_absurd_amount_stays_finite(value: float) -> None:
    values, _ = ladder(np.full(20, value)).points(0, ONE)
    assert np.isfinite(values).all()


@pytest.mark.parametrize("missed", [1, 7, 40, 100_000_000])
def test_what_was_skipped_was_not_seen(missed: int) -> None:
    made = ladder(np.full(64, 1e9))
    made.skip(missed)
    for rung in range(RUNGS):
        values, ages = made.points(rung, ONE)
        # A stretch that ended before the gap, or that the gap cut into, may hold what was seen before it.
        began = ages + (made.stretch << rung)
        assert np.isnan(values[0, began <= missed]).all()
        assert np.isnan(values[0, began > missed + 64 + (made.stretch << rung)]).all()


def test_a_slot_that_was_released_is_empty_and_the_others_are_not() -> None:
    made = GrowthLadder(interval_seconds=60.0, capacity=2)
    for _ in range(POINTS):
        made.push(np.array([1e9, 2e9]))
    made.release(ONE)
    values, _ = made.points(0, np.array([0, 1]))
    assert np.isnan(values[0]).all()
    assert np.isfinite(values[1]).all()


def test_new_slots_are_empty() -> None:
    made = ladder(np.full(POINTS, 1e9))
    made.grow(3)
    assert made.capacity == 3
    values, _ = made.points(0, np.arange(3))
    assert np.isfinite(values).all(axis=1).tolist() == [True, False, False]


def test_memory_is_as_the_module_says() -> None:
    made = GrowthLadder(interval_seconds=30.0, capacity=1000)
    stored = sum(vars(made)[name].nbytes for name in ("_highest", "_running"))
    assert stored <= 1000 * (256 + 2 * RUNGS)


@pytest.mark.parametrize("interval", [0.0, -1.0, np.nan, np.inf])
def test_an_interval_is_positive(interval: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        GrowthLadder(interval_seconds=interval, capacity=1)
