"""How many samples a pause has cost."""

import pytest

from podvigil.window.gaps import missed_ticks


@pytest.mark.parametrize(
    ("previous", "now", "missed"),
    [
        pytest.param(None, 1000.0, 0, id="first-tick"),
        pytest.param(1000.0, 1030.0, 0, id="on-time"),
        pytest.param(1000.0, 1044.0, 0, id="late-by-less-than-half"),
        pytest.param(1000.0, 1046.0, 1, id="late-by-more-than-half"),
        pytest.param(1000.0, 1090.0, 2, id="two-were-missed"),
        pytest.param(1000.0, 1001.0, 0, id="early"),
        pytest.param(1000.0, 900.0, 0, id="the-clock-went-back"),
        pytest.param(1000.0, 1e9, 130, id="a-long-sleep-empties-the-window-once"),
    ],
)
def test_missed_ticks(previous: float | None, now: float, missed: int) -> None:
    assert missed_ticks(previous, now, 30.0) == missed
