"""Exponential smoothing per sample that rises faster than it falls.

Rising at .7 reports a fault within two samples; falling at .35 keeps a flickering one together.
The rates are per sample and not per second: chosen on 15 s and 60 s data, where a sample is the
smallest thing a fault can be.
"""

from typing import Final

import numpy as np

from podvigil.window.arrays import Array

RISE: Final = 0.7
FALL: Final = 0.35


def smoothed(state: Array, value: Array, *, rise: float = RISE, fall: float = FALL) -> Array:
    """Move `state` towards `value`; both the same shape, finite."""
    return state + np.where(value > state, rise, fall) * (value - state)
