"""What explains a difference: traffic, less work, siblings, a pod's own offset."""

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.habits.deviation import Expected, judged
from podvigil.detect.habits.groups import Groups
from podvigil.detect.habits.load import LESS_WORK, Columns, tolerated_fall
from podvigil.detect.habits.offset import MEMORY_SECONDS, LaggedOffset
from podvigil.detect.habits.siblings import LEAST_SECONDS, Siblings
from podvigil.detect.habits.traffic import LEAST_SECONDS as LEAST_UP
from podvigil.detect.habits.traffic import Traffic
from podvigil.window.arrays import Array

COLUMNS = Columns.of(MODEL_FEATURES)
ROW = np.array([0], np.intp)
USUAL = np.array([[1.0, 1e9, 1e6, 2e6]])


def taught(cpu: float, memory: float) -> Traffic:
    """Half an hour in which twice the traffic took these multiples."""
    habit = Traffic(COLUMNS)
    habit.grow(1)
    for _ in range(int(LEAST_UP / 60) + 1):
        habit.learn(Groups.of(ROW), USUAL * [[cpu, memory, 2.0, 2.0]], USUAL, 60.0)
    return habit


# -- traffic


def test_twice_the_requests_explain_twice_the_work() -> None:
    habit = taught(cpu=2.0, memory=1.2)
    found = habit.explained(ROW, USUAL * [[3.0, 1.4, 3.0, 3.0]], USUAL)
    assert found == pytest.approx(np.array([[2.0, 0.4e9, 0.0, 0.0]]), rel=1e-6)


def test_never_more_than_the_excess() -> None:
    found = taught(2.0, 1.2).explained(ROW, USUAL * [[1.5, 0.8, 3.0, 3.0]], USUAL)
    assert found[0, 0] == pytest.approx(0.5)
    assert found[0, 1] == 0.0


def test_the_direction_that_rose_less_says_how_much() -> None:
    found = taught(2.0, 1.2).explained(ROW, USUAL * [[9.0, 1.0, 1.5, 40.0]], USUAL)
    assert found[0, 0] == pytest.approx(0.5)


def test_an_unknown_workload_and_a_pod_without_one_explain_nothing() -> None:
    habit = Traffic(COLUMNS)
    habit.grow(1)
    surge = USUAL * 3
    assert not habit.explained(ROW, surge, USUAL).any()
    assert not taught(2.0, 1.2).explained(np.array([-1]), surge, USUAL).any()


def test_a_cpu_fault_while_traffic_is_up_teaches_a_bounded_part() -> None:
    found = taught(cpu=1000.0, memory=1.0).explained(ROW, USUAL * [[1000.0, 1.0, 2.0, 2.0]], USUAL)
    assert found[0, 0] == pytest.approx(3.0), "three times what traffic rose by"


def test_without_network_nothing_is_explained() -> None:
    habit = Traffic(Columns.of(MODEL_FEATURES[:2]))
    habit.grow(1)
    habit.learn(Groups.of(ROW), USUAL[:, :2] * 2, USUAL[:, :2], 60.0)
    assert not habit.explained(ROW, USUAL[:, :2] * 3, USUAL[:, :2]).any()


# -- less work


@pytest.mark.parametrize(
    ("off", "cpu", "network"),
    [
        pytest.param([-0.3, 0.0, -0.3, -0.3], 0.3, LESS_WORK, id="cpu-falls-with-traffic"),
        pytest.param([-0.3, 0.0, 0.0, -0.3], 0.0, LESS_WORK, id="one-direction-still-flows"),
        pytest.param([-3.0, 0.0, -3.0, -3.0], LESS_WORK, LESS_WORK, id="a-deep-fall-is-not-less-work"),
    ],
)
def test_less_work(off: list[float], cpu: float, network: float) -> None:
    slack = tolerated_fall(np.array([off]), COLUMNS)
    assert slack[0] == pytest.approx([cpu, 0.0, network, network])


def test_a_fall_to_nothing_says_more_than_one_to_a_half() -> None:
    expected = Expected(np.log(np.array([[1.01, 1.01]])), np.full((1, 2), 0.1))
    no_slack = np.zeros((1, 2))
    found = judged(
        np.array([[0.0, 0.5]]), expected, no_slack, no_slack, np.full(2, 0.01), np.zeros((1, 2))
    ).deviation[0]
    assert np.sinh(-found[0]) > 5 * np.sinh(-found[1]) > 0


# -- offsets


def live(habit: LaggedOffset, value: float, hours: float) -> None:
    for _ in range(round(hours * 60)):
        habit.learn(np.array([[value]]), 60.0)


def test_an_offset_is_learnt_an_hour_late() -> None:
    habit = LaggedOffset(features=1, capacity=1)
    live(habit, 0.4, 1.0)
    assert habit.read()[0, 0] == pytest.approx(0.0, abs=0.05)
    live(habit, 0.4, 48.0)
    assert habit.read()[0, 0] == pytest.approx(0.4, abs=0.03)


def test_a_long_gap_counts_as_no_more_than_was_seen() -> None:
    habit = LaggedOffset(features=1, capacity=1)
    habit.learn(np.array([[np.nan]]), 60.0)
    assert habit.seconds()[0, 0] == 0.0
    live(habit, 0.4, 2 * MEMORY_SECONDS / 3600)
    assert habit.seconds()[0, 0] == 2 * MEMORY_SECONDS


# -- siblings


def test_a_pod_is_held_against_the_others_times_its_own_ratio() -> None:
    habit = Siblings(COLUMNS, features=4, capacity=3)
    groups = Groups.of(np.zeros(3, np.intp))
    levels: Array = np.log(np.array([[4.0], [2.0], [2.0]])) * np.ones((3, 4))
    for _ in range(round(3 * LEAST_SECONDS / 60)):
        _, others = groups.medians(levels)
        habit.learn(levels, others, 60.0)
    _, others = groups.medians(levels)
    expected = habit.expect(others).level
    assert expected[0] == pytest.approx(np.full(4, np.log(2.0) + 0.65), abs=0.06), "half a day's memory"
    assert expected[1] == pytest.approx(np.full(4, np.log(3.0) - 0.38), abs=0.06)


def test_a_single_replica_has_nobody_to_be_held_against() -> None:
    habit = Siblings(COLUMNS, features=4, capacity=1)
    levels = np.zeros((1, 4))
    _, others = Groups.of(ROW).medians(levels)
    for _ in range(round(2 * LEAST_SECONDS / 60)):
        habit.learn(levels, others, 60.0)
    assert np.isnan(habit.expect(others).level).all()
