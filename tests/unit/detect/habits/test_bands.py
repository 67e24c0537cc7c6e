"""Bands of what repeats, against a plain computation over turns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.detect.habits.bands import STEPS, Band, ClockBand
from podvigil.detect.habits.clock import Clock
from podvigil.detect.habits.groups import Groups
from podvigil.window.arrays import Array

CLOCK = Clock(period_seconds=3600, bins=4)
ONE_POD = Groups.of(np.array([0]))
MIDDLE = 0.5 * CLOCK.bin_seconds


def band(turns: int = 5, least: int = 3) -> ClockBand:
    made = ClockBand(CLOCK, turns=turns, least_turns=least, features=1)
    made.grow(1)
    return made


def live(habit: ClockBand, turns: Array, first: int = 100) -> None:
    """Let turns pass, shape (turns, bins): one sample in the middle of each bin."""
    for turn, row in enumerate(turns, first):
        for index, value in enumerate(row):
            habit.read(3600.0 * turn + CLOCK.bin_seconds * index + MIDDLE)
            habit.learn(ONE_POD, np.sinh(np.array([[value]])))


@settings(max_examples=30)
@given(count=st.integers(0, 8), seed=st.integers(0, 50))
def test_the_band_is_the_median_extreme_of_the_last_turns(count: int, seed: int) -> None:
    turns = np.random.default_rng(seed).normal(0.0, 3.0, (count, CLOCK.bins))
    habit = band()
    live(habit, turns)
    found = habit.read(3600.0 * (100 + count) + 2 * CLOCK.bin_seconds + MIDDLE)
    kept = turns[-5:, 2]
    if len(kept) < 3:
        assert (found.up[0, 0], found.down[0, 0]) == (0.0, 0.0)
        return
    for got, side in ((found.up, kept), (found.down, -kept)):
        lower_median = np.sort(np.maximum(side, 0.0))[(len(side) - 1) // 2]
        assert lower_median <= np.arcsinh(got[0, 0]) + 1e-6
        assert np.arcsinh(got[0, 0]) <= lower_median + 1 / STEPS + 1e-6


def test_what_every_turn_does_is_usual_in_its_own_bin() -> None:
    """When all turns are asked for, the running one must not count for one of them."""
    turns = np.zeros((5, CLOCK.bins))
    turns[:, 1] = 5.0
    habit = band(turns=5, least=5)
    live(habit, turns)
    found = [habit.read(3600.0 * 105 + CLOCK.bin_seconds * index + MIDDLE).up[0, 0] for index in range(3)]
    assert np.arcsinh(found) == pytest.approx([0.0, 5.0, 0.0])


@pytest.mark.parametrize("hours", [1, 3, 4])
def test_a_clock_that_is_set_back_forgets_nothing(hours: int) -> None:
    habit = band()
    live(habit, np.full((5, CLOCK.bins), 5.0))
    for turn in range(105 - hours, 106):  # once more, and nobody learns
        for index in range(CLOCK.bins):
            habit.read(3600.0 * turn + CLOCK.bin_seconds * index + MIDDLE)
    found = [habit.read(3600.0 * 105 + CLOCK.bin_seconds * index + MIDDLE) for index in range(CLOCK.bins)]
    assert [np.arcsinh(one.up[0, 0]) for one in found] == pytest.approx([5.0] * CLOCK.bins)


def test_once_is_no_habit() -> None:
    turns = np.zeros((4, CLOCK.bins))
    turns[2] = 7.0
    habit = band()
    live(habit, turns)
    assert habit.read(3600.0 * 104 + MIDDLE).up[0, 0] == 0.0


def test_a_little_early_is_still_usual() -> None:
    turns = np.zeros((4, CLOCK.bins))
    turns[:, 2] = 5.0
    habit = band()
    live(habit, turns)
    late_in_bin_1, early_in_bin_1 = 3600.0 * 104 + 2 * 900.0 - 60, 3600.0 * 104 + 900.0 + 60
    assert np.arcsinh(habit.read(late_in_bin_1).up[0, 0]) == pytest.approx(5.0)
    assert habit.read(early_in_bin_1).up[0, 0] == 0.0


def test_turns_that_nobody_saw_count_for_nothing() -> None:
    habit = band()
    live(habit, np.full((4, CLOCK.bins), 5.0))
    live(habit, np.full((1, CLOCK.bins), 5.0), first=140)
    assert habit.read(3600.0 * 141 + MIDDLE).up[0, 0] == 0.0, "one turn of the last five"


@pytest.mark.parametrize(
    ("sigma", "left"),
    [(2.0, 0.0), (3.0, 0.0), (-1.5, 0.0), (4.0, 1.0), (-4.0, -2.5)],
)
def test_what_lies_within_one_and_a_half_times_the_band_does_not_count(sigma: float, left: float) -> None:
    usual = Band(np.array([[2.0]]), np.array([[1.0]]))
    assert usual.beyond(np.array([[sigma]]))[0, 0] == left


def test_a_forgotten_row_has_no_band() -> None:
    habit = band()
    live(habit, np.full((4, CLOCK.bins), 5.0))
    habit.forget(np.array([0]))
    assert habit.read(3600.0 * 104 + MIDDLE).up[0, 0] == 0.0


def test_a_flood_of_two_turns_in_five_teaches_nothing() -> None:
    turns = np.zeros((5, CLOCK.bins))
    turns[1:3] = 8.0
    habit = band()
    live(habit, turns)
    assert habit.read(3600.0 * 105 + MIDDLE).up[0, 0] == 0.0
