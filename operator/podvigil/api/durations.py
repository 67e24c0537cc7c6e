"""Durations as Kubernetes writes them (`90s`, `5m`, `1h30m`), and permille integers."""

import re
from datetime import timedelta
from typing import Final

DURATION_PATTERN: Final = r"^([0-9]+(h|m|s))+$"
DURATION_MAX_LENGTH: Final = 16
"""Bounds what CEL must parse; `8760h59m59s` has 11 characters."""

DURATION_MAX: Final = timedelta(days=36_500)
"""A century. Sixteen characters can say more than a timedelta holds, and a time plus that must still be a time."""

_PART: Final = re.compile(r"([0-9]+)(h|m|s)")
_SECONDS: Final = {"h": 3600, "m": 60, "s": 1}


def parse_duration(text: str) -> timedelta:
    """Read a duration such as `1h30m`; more than `DURATION_MAX` is read as that.

    Raises: ValueError naming the text and the form expected.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(
            f"{text!r} is not a duration: write hours, minutes, seconds, for example 30s or 1h30m"
        )
    seconds = sum(int(n) * _SECONDS[unit] for n, unit in _PART.findall(text))
    return timedelta(seconds=min(seconds, DURATION_MAX.total_seconds()))


def write_about(value: timedelta) -> str:
    """Write an estimate no finer than it is: to the minute, from 1 h on to 5 minutes, from 10 h on to the hour."""
    step = timedelta(minutes=1)
    if value >= timedelta(hours=10):
        step = timedelta(hours=1)
    elif value >= timedelta(hours=1):
        step = timedelta(minutes=5)
    return write_duration(max(round(value / step), 1) * step)


def write_duration(value: timedelta) -> str:
    """Write a duration in whole seconds, largest units first: `1h30m`, `45s`, `0s`."""
    rest = max(0, round(value.total_seconds()))
    parts = []
    for unit, size in _SECONDS.items():
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
