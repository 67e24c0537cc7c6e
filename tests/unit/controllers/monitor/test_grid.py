"""Ticks lie on a grid: never two in one interval, and never a wait for a clock that went wrong."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.controllers.monitor.grid import Tick, tick_at
from unit.detect.troubles import NOW, at

INTERVAL = timedelta(seconds=30)


@pytest.mark.parametrize(
    ("now", "due", "tick"),
    [
        pytest.param(at(0), None, Tick(0, at(30)), id="the-first"),
        pytest.param(at(29), at(30), None, id="too-early"),
        pytest.param(at(30), at(30), Tick(0, at(60)), id="on-time"),
        pytest.param(at(31.5), at(30), Tick(0, at(60)), id="late-but-on-the-grid"),
        pytest.param(at(60), at(30), Tick(1, at(90)), id="one-fell-out"),
        pytest.param(at(155), at(30), Tick(4, at(180)), id="four-fell-out"),  # 60, 90, 120, 150
        pytest.param(at(-3600), at(30), Tick(0, at(-3570)), id="the-clock-went-back-an-hour"),
        pytest.param(at(0), at(3600), Tick(0, at(30)), id="the-interval-was-shortened"),
    ],
)
def test_ticks(now: datetime, due: datetime | None, tick: Tick | None) -> None:
    assert tick_at(now, due, INTERVAL) == tick


STEPS = st.lists(st.integers(0, 200_000), min_size=1, max_size=60)
"""Milliseconds from one beat to the next."""


@given(STEPS, st.integers(1, 90))
def test_never_two_ticks_in_one_interval_and_none_is_lost(steps: list[int], seconds: int) -> None:
    interval = timedelta(seconds=seconds)
    now, due, ticks, missed = NOW, None, [], 0
    for milliseconds in steps:
        now += timedelta(milliseconds=milliseconds)
        tick = tick_at(now, due, interval)
        if tick is not None:
            assert now < tick.next_due <= now + interval
            ticks.append((now, tick))
            missed += tick.missed
            due = tick.next_due
    first = ticks[0][0]
    cells = [(moment - first) // interval for moment, _ in ticks]
    assert len(set(cells)) == len(cells)
    # Every point of the grid up to the last tick was evaluated or counted as missed.
    assert len(ticks) + missed == cells[-1] + 1


@given(st.lists(st.integers(-500_000, 500_000), min_size=1, max_size=60))
def test_after_any_jump_of_the_clock_the_next_tick_is_at_most_an_interval_away(jumps: list[int]) -> None:
    now, due = NOW, None
    for milliseconds in jumps:
        now += timedelta(milliseconds=milliseconds)
        tick = tick_at(now, due, INTERVAL)
        due = tick.next_due if tick else due
        assert due is not None
        assert now < due <= now + INTERVAL
