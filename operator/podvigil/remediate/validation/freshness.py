"""How old a report may be before it tells nothing any more."""

from datetime import timedelta
from typing import Final

INTERVALS: Final = 3
"""Ticks of the analyst that may fall out."""

AT_LEAST: Final = timedelta(minutes=2)
"""Reports are written at a bounded rate, and an analyst needs a moment to restart."""


def freshness(interval_seconds: float) -> timedelta:
    """Return how old a report's last evaluation may be."""
    return max(timedelta(seconds=INTERVALS * interval_seconds), AT_LEAST)
