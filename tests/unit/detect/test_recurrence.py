"""The network is shown the state of five minutes ago, at every interval."""

import numpy as np
import pytest

from podvigil.detect.network_input import INPUTS, SLOTS, NetworkInput
from podvigil.detect.recurrence import SNAPSHOTS, Recurrence
from unit.detect.cells import RecordingCell


def given(pods: int = 2) -> NetworkInput:
    return NetworkInput(
        np.zeros((pods, INPUTS), np.float32), np.zeros((pods, SLOTS), np.float32), np.zeros(pods, np.float32)
    )


@pytest.mark.parametrize(
    ("interval", "lag", "late"),
    [
        pytest.param(600.0, 1, 0, id="longer-than-five-minutes-one-sample"),
        pytest.param(60.0, 5, 0, id="60-s"),
        pytest.param(15.0, 20, 0, id="15-s-every-state-is-kept"),
        pytest.param(5.0, 60, 2, id="5-s-every-third"),
        pytest.param(1.0, 300, 14, id="1-s-every-fifteenth"),
    ],
)
def test_the_lagged_state_is_the_one_of_five_minutes_ago(interval: float, lag: int, late: int) -> None:
    cell = RecordingCell()
    memory = Recurrence(cell, interval_seconds=interval, capacity=2)
    for _ in range(3 * lag + 50):
        memory.step(given())
    steps_in_h = [round(float(seen["h_lagged"][0, 0]) * 1024) for seen in cell.seen]
    for tick, steps in enumerate(steps_in_h):
        # After step `t` the state counts t + 1 steps; the state of `lag` samples ago counts t - lag + 1.
        wanted = tick - lag + 1
        assert max(0, wanted - late) <= steps <= max(0, wanted)


def test_memory_is_bounded() -> None:
    assert SNAPSHOTS * 32 * 2 <= 1.5 * 1024


def test_a_released_slot_starts_from_zero() -> None:
    cell = RecordingCell()
    memory = Recurrence(cell, interval_seconds=60.0, capacity=2)
    for _ in range(12):
        memory.step(given())
    memory.release(np.array([1]))
    out = memory.step(given())
    assert out.h[0, 0] * 1024 == 13
    assert out.h[1, 0] * 1024 == 1
    assert (cell.seen[-1]["h_lagged"][1] == 0).all()


def test_growing_keeps_the_memory_of_the_others() -> None:
    cell = RecordingCell()
    memory = Recurrence(cell, interval_seconds=60.0, capacity=2)
    memory.step(given())
    memory.grow(3)
    assert (memory.step(given(3)).h[:, 0] * 1024).tolist() == [2, 2, 1]
