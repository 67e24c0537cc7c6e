"""How pods of a workload start."""

import numpy as np
import pytest

from podvigil.detect.habits.starts import EDGES, LEAST_CLUSTER, LEAST_OWN, StartBand
from podvigil.window.arrays import Array, Indices

SLOTS = 2


def starts() -> StartBand:
    made = StartBand(features=1)
    made.grow(2)
    return made


def start(habit: StartBand, rows: Indices, peak: float) -> None:
    """One pod starts in the first slot: a peak in its first minute, then calm."""
    for age in range(0, int(EDGES[-1]) + 120, 60):
        habit.learn(rows, ages(float(age)), np.array([[peak if age < 60 else 0.0], [0.0]]))


def ages(first: float) -> Array:
    return np.array([first, np.nan])


def test_a_workload_that_always_starts_with_a_peak() -> None:
    habit, rows = starts(), np.array([0, 1])
    for _ in range(LEAST_OWN):
        start(habit, rows, 4.0)
    young, band = habit.read(rows, ages(30.0))
    assert young.tolist() == [0]
    assert band.up[0, 0] == pytest.approx(4.0, rel=0.1)
    assert habit.read(rows, ages(90.0))[1].up[0, 0] == 0.0, "it is the first minute's"


def test_an_old_pod_is_not_starting() -> None:
    habit = starts()
    assert habit.read(np.array([0, 1]), ages(float(EDGES[-1])))[0].size == 0


def test_a_new_workload_starts_as_the_others_did() -> None:
    habit = starts()
    for _ in range(LEAST_CLUSTER):
        start(habit, np.array([0, 1]), 3.0)
    _, band = habit.read(np.array([1, 0]), ages(30.0))
    assert band.up[0, 0] == pytest.approx(3.0, rel=0.1)


def test_without_starts_nothing_is_usual() -> None:
    habit = starts()
    _, band = habit.read(np.array([0, 1]), ages(30.0))
    assert band.up[0, 0] == 0.0


def test_one_start_of_many_that_failed_is_not_usual() -> None:
    habit, rows = starts(), np.array([0, 1])
    for peak in (1.0, 1.0, 8.0, 1.0):
        start(habit, rows, peak)
    assert habit.read(rows, ages(30.0))[1].up[0, 0] == pytest.approx(1.0, rel=0.1)


def test_a_pod_that_is_gone_leaves_what_it_showed() -> None:
    habit, rows = starts(), np.array([0, 1])
    for _ in range(LEAST_OWN):
        habit.learn(rows, ages(10.0), np.array([[4.0], [0.0]]))
        habit.release(np.array([0]))
    assert habit.read(rows, ages(30.0))[1].up[0, 0] == pytest.approx(4.0, rel=0.1)
