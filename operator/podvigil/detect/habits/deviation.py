"""How far a value lies from what a habit expects, smoothed over a quarter of an hour.

A habit speaks of minutes and hours; what lasts for seconds is the trailing hour's business.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.score import DEVIATION_LIMIT
from podvigil.window.arrays import Array, Indices, grown

SMOOTHING_SECONDS: Final = 900.0

RELATIVE_FLOOR: Final = 0.05
"""A spread is at least a twentieth of the level, whatever the days say."""

SHARE_OF_HOUR: Final = 0.3
"""The trailing hour's scale, its floors included, counts by this share: trifles stay trifles."""


@dataclass(frozen=True, slots=True)
class Habitual:
    """What a habit expects and how far off the pods are; (slots, features), NaN = it has no opinion."""

    center: Array
    scale: Array
    deviation: Array
    """Signed, asinh sigma, smoothed; 0 where the habit has no opinion."""


def scale_of(center: Array, spread: Array, ground: Array, hourly: Array) -> Array:
    """The habit's sigma in natural units.

    Args:
        center: natural units; `spread`: of logarithms; `hourly`: the trailing hour's scale.
    """
    relative = np.exp(spread) - 1 + RELATIVE_FLOOR
    return np.asarray((center + ground) * relative + SHARE_OF_HOUR * hourly)


class Smoothed:
    """Exponentially smoothed deviations of every slot; 4 bytes a pod and feature."""

    def __init__(self, *, features: int, capacity: int) -> None:
        self._value: Array = np.zeros((capacity, features), np.float32)

    def push(self, values: Array, center: Array, scale: Array, elapsed_seconds: float) -> Habitual:
        """Take one sample; a pod without one, or without an expectation, fades to 0."""
        with np.errstate(over="ignore"):  # a value beyond float32 is infinitely far, and clipped
            z = (values - center) / scale
        u = np.clip(np.arcsinh(np.nan_to_num(z)), -DEVIATION_LIMIT, DEVIATION_LIMIT)
        share = 1.0 - np.exp(-elapsed_seconds / SMOOTHING_SECONDS)
        self._value = (self._value + share * (u - self._value)).astype(np.float32)
        known = np.isfinite(center)
        return Habitual(center, scale, np.where(known, self._value, 0.0))

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._value[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._value = grown(self._value, capacity, 0.0)
