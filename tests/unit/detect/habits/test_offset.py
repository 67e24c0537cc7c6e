"""A pod's own offset from its workload, and the way back from it."""

import numpy as np
import pytest

from podvigil.detect.habits.offset import LIMIT, STANDING_LIMIT, LaggedOffset

MINUTE = 60.0


def live(made: LaggedOffset, offset: float, hours: float) -> None:
    for _ in range(int(hours * 60)):
        made.learn(np.array([[offset]]), MINUTE)


def lived(offset: float, hours: float) -> LaggedOffset:
    made = LaggedOffset(features=1, capacity=1)
    live(made, offset, hours)
    return made


@pytest.mark.parametrize("offset", [0.5, -1.4, np.log(8)])
def test_a_pods_first_half_day_says_what_it_is_like(offset: float) -> None:
    assert lived(offset, 14).read()[0, 0] == pytest.approx(offset, rel=0.2)


def test_a_fault_of_hours_is_learnt_to_no_more_than_the_limit() -> None:
    made = lived(0.0, 48)
    live(made, 5.0, 12)
    assert made.read()[0, 0] < LIMIT
    live(made, 0.0, 2)
    assert made.read()[0, 0] > 0.3, "two hours of calm do not undo half a day"


def test_what_lasts_for_days_becomes_what_the_pod_is_like() -> None:
    made = lived(0.0, 48)
    live(made, np.log(4), 24)
    assert made.read()[0, 0] < 1.0, "one day is not enough for a fourfold load"
    live(made, np.log(4), 72)
    assert made.read()[0, 0] == pytest.approx(np.log(4), abs=0.1)


def test_a_pod_that_is_no_replica_of_the_others_is_bounded() -> None:
    assert lived(50.0, 48).read()[0, 0] == pytest.approx(STANDING_LIMIT, abs=0.05)


def test_the_way_back_is_no_longer_than_a_fault_is_learnt() -> None:
    _, down = lived(np.log(8), 48).slack()
    assert down[0, 0] == pytest.approx(LIMIT)


def test_the_last_hour_does_not_count_yet() -> None:
    made = lived(0.0, 24)
    for _ in range(50):
        made.learn(np.array([[0.7]]), MINUTE)
    assert made.read()[0, 0] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_the_way_back_is_free_and_no_other(offset: float) -> None:
    made = lived(offset, 48)
    up, down = made.slack()
    back, away = (down, up) if offset > 0 else (up, down)
    assert back[0, 0] == pytest.approx(abs(made.read()[0, 0]))
    assert away[0, 0] == 0.0


def test_a_pod_without_an_offset_has_no_slack() -> None:
    made = lived(0.5, 48)
    made.forget(np.array([0]))
    assert max(slack.max() for slack in made.slack()) == 0.0
