"""When a monitor is evaluated: a fixed grid, so that samples are equally far apart. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Tick:
    """One point of the grid that has come."""

    missed: int
    """Points that passed without an evaluation since the last one."""
    next_due: datetime


def tick_at(now: datetime, due: datetime | None, interval: timedelta) -> Tick | None:
    """Return the tick that is due at `now`; None while it is too early.

    A clock that jumped back by more than an interval starts a new grid instead of waiting for the old one.
    """
    if due is None or due - now > interval:
        return Tick(0, now + interval)
    if now < due:
        return None
    missed = int((now - due) / interval)
    return Tick(missed, due + (missed + 1) * interval)
