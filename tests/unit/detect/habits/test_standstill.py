"""A pod without a season that stops serving, held against its own hour."""

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.habits.load import Columns
from podvigil.detect.habits.standstill import DEEP, Standstill
from podvigil.window.arrays import Mask

PODS = 4
HOUR = np.array([0.2, 3e8, 1e6, 2e6])
"""CPU, memory, received, sent: the hour's center of every pod."""
RECEIVED = 2
EVERYBODY = np.ones(PODS, bool)


def watcher(interval: float = 60.0, features: int = 4) -> Standstill:
    columns = Columns.of(MODEL_FEATURES[:features])
    return Standstill(columns, features=features, capacity=PODS, interval_seconds=interval)


def depths(made: Standstill, shares: list[float], watched: Mask = EVERYBODY, pods: int = 1) -> list[float]:
    """What is said of the first pod's received traffic while it is at these shares of its hour."""
    said = []
    for share in shares:
        values = np.tile(HOUR, (PODS, 1))
        values[:pods, RECEIVED] *= share
        center = np.tile(HOUR, (PODS, 1))
        found = made.judge(values, center, 0.3 * center, 0.02 * HOUR, watched)
        said.append(0.0 if found is None else float(found.deviation[0, RECEIVED]))
    return said


def test_it_speaks_after_three_minutes_and_goes_on_until_the_end() -> None:
    said = depths(watcher(), [0.0, 0.0, 0.0, 0.0, 1.0])
    assert said[:2] == [0.0, 0.0]
    assert said[2] == said[3] < -2
    assert said[4] == 0.0


def test_three_minutes_are_as_many_samples_as_they_take() -> None:
    said = depths(watcher(interval=15.0), 12 * [0.0])
    assert said[:11] == 11 * [0.0]
    assert said[11] < -2


@pytest.mark.parametrize(
    "shares",
    [
        pytest.param([0.0, 0.0, 1.0, 0.0, 0.0, 1.0], id="two-samples-may-be-one-late-counter"),
        pytest.param(6 * [float(np.exp(-DEEP)) + 0.02], id="three-tenths-may-be-less-work"),
        pytest.param(6 * [3.0], id="a-rise-is-the-hours-own-business"),
        pytest.param(6 * [float("nan")], id="no-sample-is-no-standstill"),
    ],
)
def test_nothing_stands_still(shares: list[float]) -> None:
    assert depths(watcher(), shares) == len(shares) * [0.0]


def test_a_missing_sample_neither_ends_a_run_nor_counts_in_it() -> None:
    assert depths(watcher(), [0.0, 0.0, np.nan])[2] == 0.0
    assert depths(watcher(), [0.0, 0.0, np.nan, 0.0])[3] < -2


def test_the_best_sample_of_the_run_is_judged() -> None:
    worst, mixed = depths(watcher(), 3 * [0.0])[-1], depths(watcher(), [0.0, 0.1, 0.0])[-1]
    assert worst < mixed == depths(watcher(), 3 * [0.1])[-1]


def test_less_work_for_all_is_no_ones_fault() -> None:
    assert depths(watcher(), 5 * [0.0], pods=PODS - 1) == 5 * [0.0]


def test_a_pod_that_did_so_before_is_excused_for_some_hours() -> None:
    made = watcher()
    first = depths(made, [*(4 * [0.0]), 1.0])[3]
    again = depths(made, [*(4 * [0.0]), 1.0])[3]
    depths(made, 18 * 60 * [1.0])
    later = depths(made, 4 * [0.0])[3]
    assert first < later < again > -0.5


def test_what_is_not_watched_is_not_judged() -> None:
    said = depths(watcher(), 5 * [0.0], watched=np.array([False, True, True, True]))
    assert said == 5 * [0.0]


def test_without_traffic_an_idle_pod_and_a_stuck_one_look_alike() -> None:
    made, hour = watcher(features=2), np.tile(HOUR[:2], (PODS, 1))
    values = hour * np.where(np.arange(PODS) == 0, 0.0, 1.0)[:, None]
    assert [made.judge(values, hour, 0.3 * hour, 0.02 * HOUR[:2], EVERYBODY) for _ in range(5)] == 5 * [None]


def test_another_pod_in_the_slot_begins_anew() -> None:
    made = watcher()
    depths(made, [0.0, 0.0])
    made.release(np.array([0]))
    assert depths(made, [0.0, 0.0]) == [0.0, 0.0]


def test_growing_keeps_the_runs() -> None:
    made = watcher()
    depths(made, [0.0, 0.0])
    made.grow(PODS + 2)
    values = np.tile(HOUR, (PODS + 2, 1))
    values[0, RECEIVED] = 0.0
    center = np.tile(HOUR, (PODS + 2, 1))
    found = made.judge(values, center, 0.3 * center, 0.02 * HOUR, np.ones(PODS + 2, bool))
    assert found is not None
    assert found.deviation[0, RECEIVED] < -2
    assert np.flatnonzero(found.deviation.any(axis=1)).tolist() == [0]
