"""Bins of the day and of the hour."""

from datetime import UTC, datetime

import pytest

from podvigil.detect.habits.clock import DAY, HOUR, Bin, is_weekend


def seconds(*when: int) -> float:
    return datetime(*when, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("when", "index", "fraction"),
    [
        pytest.param((2026, 3, 1, 0, 0), 0, 0.0, id="midnight-begins-the-day"),
        pytest.param(
            (2026, 3, 1, 10, 45), 21, 0.5, id="a-quarter-to-eleven-is-the-middle-of-the-22nd-half-hour"
        ),
        pytest.param((2026, 3, 1, 23, 59, 59), 47, 1799 / 1800, id="the-last-second"),
    ],
)
def test_half_hours(when: tuple[int, ...], index: int, fraction: float) -> None:
    found = DAY.at(seconds(*when))
    assert found.index == index
    assert found.fraction == pytest.approx(fraction)


def test_the_day_turns_at_midnight_and_the_hour_every_hour() -> None:
    before, after = seconds(2026, 3, 1, 23, 59), seconds(2026, 3, 2, 0, 1)
    assert DAY.at(after).turn == DAY.at(before).turn + 1
    assert HOUR.at(after) == Bin(HOUR.at(before).turn + 1, 0, 0.2)


@pytest.mark.parametrize(
    ("day", "weekend"),
    [((2026, 2, 27), False), ((2026, 2, 28), True), ((2026, 3, 1), True), ((2026, 3, 2), False)],
    ids=["friday", "saturday", "sunday", "monday"],
)
def test_weekends(day: tuple[int, int, int], weekend: bool) -> None:
    assert is_weekend(DAY.at(seconds(*day)).turn) is weekend
