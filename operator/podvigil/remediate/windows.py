"""When a window of time is open. Pure: windows and a moment in, moments out.

The clock on the wall decides when a window opens, and elapsed time when it closes: one of 8 h that begins in the
night in which clocks go forward is 8 h long. A time of day that is left out that night opens an hour later by
the new clock; one that comes twice opens the first time (PEP 495, fold 0).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from podvigil.api.durations import parse_duration
from podvigil.api.windows import TimeWindow, Weekday

_DAYS = tuple(Weekday)


def open_until(windows: Sequence[TimeWindow], now: datetime) -> datetime | None:
    """Return when the windows that are open at `now` have all closed; None when none is open."""
    return max((end for start, end in _spans(windows, now) if start <= now < end), default=None)


def next_opening(windows: Sequence[TimeWindow], now: datetime) -> tuple[datetime, datetime] | None:
    """Return beginning and end of the window that opens next after `now`.

    None when there is none: no windows, or none with a time zone that is known here.
    """
    return min(((start, end) for start, end in _spans(windows, now) if start > now), default=None)


def _spans(windows: Sequence[TimeWindow], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the openings from yesterday's, which may last until now, to that of the same day next week, in UTC."""
    for window in windows:
        try:
            zone = ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            continue  # the API server knows a zone that we do not: what cannot be read never opens
        hour, minute = map(int, window.start.split(":"))
        today = now.astimezone(zone).date()
        for offset in range(-1, 8):
            day = today + timedelta(days=offset)
            if _DAYS[day.weekday()] in window.days:
                start = datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
                yield start, start + parse_duration(window.duration)
