"""How far a value lies from what a habit expects, smoothed over some minutes.

A habit speaks of minutes and hours; what lasts for seconds is the trailing hour's business. A rise is
measured in natural units, a fall by its logarithm: to nothing is infinitely less than to a half, and in
natural units the deepest fall would be a small number.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.score import DEVIATION_LIMIT
from podvigil.window.arrays import Array, Indices, Mask, grown, zeroed

SMOOTHING_SECONDS: Final = 450.0
"""Seven and a half minutes: chosen alike with each generated cluster left out, `benchmarks/results/constants.md`."""

RELATIVE_FLOOR: Final = 0.05
"""A spread is at least a twentieth of the level, whatever the days say."""

SHARE_OF_HOUR: Final = 0.3
"""The trailing hour's scale, its floors included, counts by this share: trifles stay trifles."""

BAND: Final = 3.0
"""The band of an explanation: expected ± 3 of the spread (floors included)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a habit expects; (slots, features), logarithm above the ground, NaN = it has no opinion."""

    level: Array
    spread: Array


@dataclass(frozen=True, slots=True)
class Habitual:
    """What a habit expects and how far off the pods are; (slots, features), NaN = it has no opinion."""

    center: Array
    scale: Array
    deviation: Array
    """Signed, asinh sigma, smoothed; 0 where the habit has no opinion."""

    def or_else(self, before: "Habitual", held: Mask) -> "Habitual":
        """This verdict, and the one before where it is held, (slots, features)."""
        pairs = (
            (self.center, before.center),
            (self.scale, before.scale),
            (self.deviation, before.deviation),
        )
        return Habitual(*(np.where(held, old, new) for new, old in pairs))

    def forget(self, slots: Indices) -> None:
        """Drop what was said of the pods in these slots."""
        self.center[slots] = self.scale[slots] = np.nan
        self.deviation[slots] = 0.0

    def grown(self, capacity: int) -> "Habitual":
        """With slots at the end of which nothing is said."""
        return Habitual(
            grown(self.center, capacity, np.nan),
            grown(self.scale, capacity, np.nan),
            grown(self.deviation, capacity, 0.0),
        )


def judged(
    values: Array, expected: Expected, up: Array, down: Array, ground: Array, hourly: Array
) -> Habitual:
    """Hold one sample against what a habit expects, not yet smoothed.

    Args:
        up, down: how far a value may lie off without a fault, logarithm.
        hourly: the trailing hour's scale, natural units.
    """
    levels = np.log(np.maximum(values, 0.0) + ground)
    off = levels - expected.level
    left = off - np.clip(off, -down, up)
    center = np.exp(levels - left)  # above the ground
    # Of little there is never much to lose: against the hour's floor a small pod's fall to nothing is a trifle.
    floor = SHARE_OF_HOUR * np.where(left > 0, hourly, np.minimum(hourly, center))
    scale = center * (np.exp(expected.spread) - 1 + RELATIVE_FLOOR) + floor
    away = np.where(left > 0, values + ground - center, left * center) / scale
    deviation = np.clip(np.arcsinh(zeroed(away)), -DEVIATION_LIMIT, DEVIATION_LIMIT)
    return Habitual(center - ground, scale, deviation)


class Smoothed:
    """Exponentially smoothed deviations of every slot; 4 bytes a pod and feature."""

    def __init__(self, *, features: int, capacity: int) -> None:
        self._value: Array = np.zeros((capacity, features), np.float32)

    def push(self, deviation: Array, elapsed_seconds: float, held: Mask) -> Array:
        """Take one sample, 0 where there is none; returns the smoothed deviation, as it was where it is held."""
        share = np.where(held, 0.0, 1.0 - np.exp(-elapsed_seconds / SMOOTHING_SECONDS))
        self._value = (self._value + share * (deviation - self._value)).astype(np.float32)
        return self._value

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._value[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._value = grown(self._value, capacity, 0.0)
