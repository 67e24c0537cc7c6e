"""A pod's own offset from its workload, and the way back from it."""

import numpy as np
import pytest

from podvigil.detect.habits.offset import LIMIT, LaggedOffset

MINUTE = 60.0


def lived(offset: float, hours: float) -> LaggedOffset:
    made = LaggedOffset(features=1, capacity=1)
    for _ in range(int(hours * 60)):
        made.learn(np.array([[offset]]), MINUTE)
    return made


def test_an_offset_is_learnt_to_its_limit() -> None:
    assert lived(0.5, 48).read()[0, 0] == pytest.approx(0.5, abs=0.02)
    assert lived(5.0, 48).read()[0, 0] == pytest.approx(LIMIT, abs=0.02)


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
