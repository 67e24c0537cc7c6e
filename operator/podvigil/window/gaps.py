"""How many samples are missing between two ticks.

The window counts samples, so a tick that never came must be told to it as one without samples:
otherwise an hour's window would silently reach back further than an hour.
"""

from podvigil.window.ring import WindowShape


def missed_ticks(previous: float | None, now: float, interval_seconds: float) -> int:
    """Ticks that did not take place between `previous` and `now` (Unix seconds).

    0 for the first tick, for a tick that came early or late by less than half an interval, and when
    the clock went back. Never more than a full window, which is already empty then.
    """
    if previous is None or now <= previous:
        return 0
    shape = WindowShape.of(interval_seconds)
    missed = round((now - previous) / interval_seconds) - 1
    return min(max(missed, 0), shape.stored * shape.stride)
