"""The slow seasonal level, against a plain computation over whole days."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.detect.habits.clock import DAY, is_weekend
from podvigil.detect.habits.level import LARGEST_SPREAD, SURPRISE, SeasonalLevel
from podvigil.window.arrays import Array

STEP = 900.0
ROWS = np.array([0], np.intp)


def levels(features: int = 1) -> SeasonalLevel:
    made = SeasonalLevel(features=features)
    made.grow(1)
    return made


def live(level: SeasonalLevel, days: Array, first: int) -> None:
    """Let days pass, shape (days, bins): two samples in each half-hour."""
    for number, day in enumerate(days):
        for index, value in enumerate(day):
            for half in range(2):
                level.read(86_400.0 * (first + number) + 1800.0 * index + STEP * half)
                level.learn(ROWS, np.array([[value]]))


@settings(max_examples=12)
@given(count=st.integers(0, 11), first=st.integers(20_000, 20_006), seed=st.integers(0, 99))
def test_the_center_is_the_median_over_like_days(count: int, first: int, seed: int) -> None:
    days = 10.0 + np.random.default_rng(seed).normal(0.0, 0.05, (count, DAY.bins))
    level = levels()
    live(level, days, first)
    today, index = first + count, 17
    found = level.read(86_400.0 * today + 1800.0 * (index + 0.5))  # the middle of a bin: nothing between
    numbers = first + np.arange(count)
    weekend = np.array([is_weekend(int(number)) for number in numbers], bool)
    like = days[weekend == is_weekend(today)][-(4 if is_weekend(today) else 7) :]
    kept = np.concatenate([days[~weekend][-7:], days[weekend][-4:]])
    chosen = like if len(like) >= 2 else kept
    if len(chosen) < 2:
        assert np.isnan(found.center).all()
        return
    assert found.center[0, 0] == pytest.approx(np.median(chosen[:, index]), abs=2e-3)  # float16
    assert 0 < found.spread[0, 0] <= LARGEST_SPREAD


def test_between_two_bins_it_is_between_their_levels() -> None:
    ramp = np.tile(np.linspace(0.0, 1.0, DAY.bins), (5, 1))
    level = levels()
    live(level, ramp, 20_000)
    day = 86_400.0 * 20_005
    here, there = (level.read(day + 1800.0 * place).center[0, 0] for place in (20.5, 21.5))
    assert level.read(day + 1800.0 * 21.0).center[0, 0] == pytest.approx((here + there) / 2, abs=1e-3)


def test_one_day_of_incidents_moves_nothing() -> None:
    days = np.full((8, DAY.bins), 3.0)
    days[6] = 3.0 + 2.0
    level = levels()
    live(level, days, 20_000)
    assert level.read(86_400.0 * 20_008 + 40_000).center[0, 0] == pytest.approx(3.0, abs=1e-3)


def test_what_enters_is_bounded_once_something_is_known() -> None:
    days = np.concatenate([np.full((4, DAY.bins), 3.0), np.full((9, DAY.bins), 30.0)])
    level = levels()
    live(level, days[:8], 20_000)
    assert level.read(86_400.0 * 20_008 + 40_000).center[0, 0] <= 3.0 + SURPRISE + 0.01


def test_a_gap_of_days_is_no_days_at_level_zero() -> None:
    level = levels()
    live(level, np.full((3, DAY.bins), 5.0), 20_000)
    live(level, np.full((1, DAY.bins), 5.0), 20_005)
    assert level.read(86_400.0 * 20_006 + 40_000).center[0, 0] == pytest.approx(5.0, abs=1e-3)


def test_a_taught_past_is_like_a_lived_one() -> None:
    days = 2.0 + np.random.default_rng(3).normal(0.0, 0.1, (5, DAY.bins))
    lived, taught = levels(), levels()
    live(lived, days, 20_000)
    for number, day in enumerate(days):
        for index, value in enumerate(day):
            taught.teach(ROWS, 20_000 + number, index, np.array([[value]]))
    moment = 86_400.0 * 20_005 + 1800.0 * 20.5
    assert taught.read(moment).center[0, 0] == pytest.approx(lived.read(moment).center[0, 0], abs=2e-3)


def test_a_forgotten_row_knows_nothing_and_the_others_stay() -> None:
    level = SeasonalLevel(features=1)
    level.grow(2)
    for tick in range(4 * DAY.bins):
        level.read(86_400.0 * 20_000 + 1800.0 * tick)
        level.learn(np.array([0, 1]), np.array([[1.0], [2.0]]))
    level.forget(np.array([0]))
    found = level.read(86_400.0 * 20_004 + 900.0).center[:, 0]
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("interval", [1.0, 3600.0], ids=["a-second", "an-hour"])
def test_any_interval(interval: float) -> None:
    """Bins that no sample falls into are left out, also between known ones."""
    level = levels()
    day = 86_400.0 * 20_000
    for tick in range(int(min(500.0, 5 * 86_400.0 / interval))):
        level.read(day + interval * tick)
        level.learn(ROWS, np.array([[7.0]]))
    found = level.read(86_400.0 * 20_005 + 1.0).center[0, 0]
    assert np.isnan(found) if interval == 1.0 else found == pytest.approx(7.0)
