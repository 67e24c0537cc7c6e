"""When a window of time is open, by the clock of its own zone."""

from datetime import datetime

import pytest

from podvigil.api.windows import TimeWindow, Weekday
from podvigil.remediate.windows import next_opening, open_until

NIGHT = TimeWindow(start="22:00", duration="4h")
WEEKDAYS = TimeWindow(days=tuple(Weekday)[:5], start="09:00", duration="8h", time_zone="Europe/Paris")
MONDAY = TimeWindow(days=(Weekday.MONDAY,), start="09:00", duration="1h")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("windows", "now", "until"),
    [
        pytest.param([NIGHT], "2026-03-01T21:59", None, id="a-minute-before"),
        pytest.param([NIGHT], "2026-03-01T22:00", "2026-03-02T02:00", id="at-its-start"),
        pytest.param([NIGHT], "2026-03-02T01:59", "2026-03-02T02:00", id="past-midnight"),
        pytest.param([NIGHT], "2026-03-02T02:00", None, id="at-its-end"),
        # 09:00 in Paris is 08:00 UTC in winter and 07:00 in summer.
        pytest.param([WEEKDAYS], "2026-03-27T08:00", "2026-03-27T16:00", id="winter-time"),
        pytest.param([WEEKDAYS], "2026-03-30T07:00", "2026-03-30T15:00", id="summer-time"),
        pytest.param([WEEKDAYS], "2026-03-28T10:00", None, id="saturday"),
        pytest.param([NIGHT, WEEKDAYS], "2026-03-27T10:00", "2026-03-27T16:00", id="one-of-two"),
        pytest.param([], "2026-03-27T10:00", None, id="none"),
        pytest.param(
            [TimeWindow(start="00:00", duration="1h", time_zone="Mars/Olympus")],
            "2026-03-27T00:30",
            None,
            id="of-a-zone-that-is-not-known",
        ),
        # In Paris the clocks go from 02:00 to 03:00 on 29 March: 02:30 never comes, 03:30 does (01:30 UTC).
        pytest.param(
            [TimeWindow(start="02:30", duration="1h", time_zone="Europe/Paris")],
            "2026-03-29T01:30",
            "2026-03-29T02:30",
            id="a-time-that-is-left-out",
        ),
        # And from 03:00 back to 02:00 on 25 October: 02:30 comes at 00:30 and at 01:30 UTC.
        pytest.param(
            [TimeWindow(start="02:30", duration="1h", time_zone="Europe/Paris")],
            "2026-10-25T01:30",
            None,
            id="a-time-that-comes-twice-opens-the-first-time",
        ),
    ],
)
def test_open_until(windows: list[TimeWindow], now: str, until: str | None) -> None:
    assert open_until(windows, utc(now)) == (utc(until) if until else None)


@pytest.mark.parametrize(
    ("windows", "now", "opens"),
    [
        pytest.param([NIGHT], "2026-03-01T10:00", "2026-03-01T22:00", id="tonight"),
        pytest.param([NIGHT], "2026-03-01T22:00", "2026-03-02T22:00", id="while-it-is-open"),
        pytest.param([MONDAY], "2026-03-02T09:00", "2026-03-09T09:00", id="in-a-week"),
        pytest.param([MONDAY, NIGHT], "2026-03-01T23:00", "2026-03-02T09:00", id="the-earlier-of-two"),
    ],
)
def test_next_opening(windows: list[TimeWindow], now: str, opens: str) -> None:
    found = next_opening(windows, utc(now))
    assert found is not None
    assert found[0] == utc(opens)


def test_without_windows_none_opens() -> None:
    assert next_opening([], utc("2026-03-01T10:00")) is None
