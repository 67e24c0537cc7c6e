"""Noise as production has it: autocorrelated, heavy-tailed, and the same whatever happens in the world."""

from typing import Final

import numpy as np
from days.world import DAY, Floats, Rng

TAIL: Final = 4.0
"""Degrees of freedom of the steps: the tails of minute-by-minute usage in cluster traces fall like a low power."""

BURST_EXPONENT: Final = 2.5
"""Pareto: most hiccups are small, some are several times the usual."""
BURST_STEPS: Final = 3
"""A hiccup (a large query, a log rotation, a compaction) lasts one to three minutes."""


def wander(rng: Rng, steps: int, width: int, *, minutes: float, sd: float | Floats) -> Floats:
    """
    Draw AR(1) paths around 0, with Student-t steps.

    Args: minutes: after which correlation has fallen to 1/e. sd: of the path, one number or (width,).

    Returns: (steps, width).
    """
    keep = np.exp(-1.0 / minutes)
    shocks = rng.standard_t(TAIL, (steps, width)) / np.sqrt(TAIL / (TAIL - 2)) * np.sqrt(1 - keep**2)
    path = np.empty((steps, width))
    last = rng.standard_normal(width)
    for step in range(steps):
        last = keep * last + shocks[step]
        path[step] = last
    return path * sd


def bursts(rng: Rng, steps: int, width: int, *, per_day: float, size: float) -> Floats:
    """
    Draw short hiccups.

    Args: per_day: of one column. size: the smallest, relative to what is usual.

    Returns: (steps, width), 0 nearly everywhere.
    """
    path = np.zeros((steps, width))
    count = rng.poisson(per_day * steps / DAY * width)
    for _ in range(count):
        first, column = int(rng.integers(steps)), int(rng.integers(width))
        last = first + int(rng.integers(1, BURST_STEPS + 1))
        path[first:last, column] += size * (1 + rng.pareto(BURST_EXPONENT))
    return path


def saw(rng: Rng, steps: int, width: int, *, periods: Floats) -> Floats:
    """
    Draw saw-teeth from 0 to 1: a heap that fills and is collected, no two cycles alike.

    Args: periods: (width,) mean minutes of a cycle.

    Returns: (steps, width).
    """
    path = np.empty((steps, width))
    for column in range(width):
        step, period = -float(rng.uniform(0, periods[column])), periods[column]
        kept = 0.0
        while step < steps:
            length = period * rng.uniform(0.7, 1.4)
            first, last = (min(max(0, int(np.ceil(edge))), steps) for edge in (step, step + length))
            path[first:last, column] = kept + (1 - kept) * (np.arange(first, last) - step) / length
            step += length
            kept = float(rng.uniform(0.0, 0.3))  # what a collection leaves
    return path
