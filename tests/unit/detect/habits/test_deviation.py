"""How far a value lies from what a habit expects."""

from itertools import pairwise

import numpy as np
import pytest

from podvigil.detect.habits.deviation import Expected, Habitual, judged

LEVEL = 100.0
SPREAD = 0.1
NONE = np.zeros((1, 1))


def deviation(value: float, *, hourly: float, up: float = 0.0, down: float = 0.0) -> float:
    found = judged(
        np.array([[value]]),
        Expected(np.log([[LEVEL]]), np.array([[SPREAD]])),
        NONE + up,
        NONE + down,
        np.zeros(1),
        NONE + hourly,
    )
    return float(found.deviation[0, 0])


@pytest.mark.parametrize(
    ("value", "up", "down"),
    [
        pytest.param(LEVEL, 0.0, 0.0, id="as-expected"),
        pytest.param(150.0, 0.5, 0.0, id="within-what-is-allowed-upwards"),  # ln 1.5 = .41
        pytest.param(70.0, 0.0, 0.5, id="within-what-is-allowed-downwards"),  # ln .7 = -.36
    ],
)
def test_nothing_is_off(value: float, up: float, down: float) -> None:
    assert deviation(value, hourly=10.0, up=up, down=down) == pytest.approx(0.0, abs=1e-9)


def test_a_deeper_fall_is_worse() -> None:
    depths = [deviation(value, hourly=10.0) for value in (80.0, 40.0, 10.0, 1.0)]
    assert all(deeper < shallower < 0 for shallower, deeper in pairwise(depths))


def test_the_hours_floor_hides_a_small_pods_rise_and_not_its_end() -> None:
    """The floor is of the cluster's level: a pod of a hundredth of it may double, and may not fall silent."""
    floor = 100.0 * LEVEL
    assert deviation(2 * LEVEL, hourly=floor) < 0.1  # 100 / (.3 * 10,000 + 15)
    assert deviation(0.01 * LEVEL, hourly=floor) < -3  # ln .01 / (e^.1 - 1 + .05 + .3) = -10 sigma


def test_what_was_said_of_a_pod_goes_with_its_slot() -> None:
    said = Habitual(np.full((2, 1), 5.0), np.full((2, 1), 2.0), np.full((2, 1), 3.0))
    said.forget(np.array([0]))
    wider = said.grown(3)
    np.testing.assert_array_equal(wider.center[:, 0], [np.nan, 5.0, np.nan])
    np.testing.assert_array_equal(wider.scale[:, 0], [np.nan, 2.0, np.nan])
    np.testing.assert_array_equal(wider.deviation[:, 0], [0.0, 3.0, 0.0])
