"""Levels as logarithms: a habit compares by ratio, since a peak is a multiple of its trough."""

from typing import Final

import numpy as np

from podvigil.window.arrays import Array

TRIFLE: Final = 0.02
"""Share of the cluster's level that is added before the logarithm: below it ratios mean nothing."""

TINY: Final = 1e-6
"""Instead, where the cluster's level is 0; units are cores and bytes, of which this is nothing."""


def ground(level: Array) -> Array:
    """What is added to every value of a feature, (features,), natural units."""
    return TRIFLE * level + TINY


def log_level(values: Array, ground: Array) -> Array:
    """Natural logarithm above the ground; NaN stays NaN."""
    levels: Array = np.log(values + ground)
    return levels
