"""What a pod is like in the long run: the fallback when its last hour says too little.

A pod that comes back after an outage, or a replica that takes its sibling's place, is judged by these
until it has a baseline of its own. The cluster's level keeps trifles out: 0.1 m to 2 m of CPU is no news
where the typical pod uses 100 m.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.window.arrays import Array, Indices, grown
from podvigil.window.order import median, quantiles

MIN_KNOWN: Final = 20
"""Samples from which a pod's own history counts; below it a quartile is an accident."""

NORMAL_QUARTILES: Final = 1.349
"""Distance of the quartiles of a normal distribution, in standard deviations."""

MATERIAL: Final = 0.3
"""Share of the cluster's level that a change must exceed to matter."""

RELATIVE: Final = 0.02
"""Share of the pod's own level: below it, a change is rounding."""

PEAK_SHARE: Final = 1e-4
"""Share of the highest value seen in the cluster; matters where the typical pod's level is 0."""

SPREAD_OF_SD: Final = 0.2
"""The spread is at least this share of the standard deviation: rare peaks leave quartiles at 0."""

TINY: Final = 1e-9
"""Keeps a constant 0 from dividing by 0."""

MEMORY_SECONDS: Final = 7 * 86_400.0
"""A refreshed reference moves towards the last hour with this time constant (see `refresh`): a week, so
that neither a weekend nor a day of incidents becomes what the pod is like."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A stretch of samples per slot and feature; all (slots, features), NaN where there are too few."""

    center: Array
    spread: Array
    peak: Array

    @classmethod
    def of(cls, rows: Array, *, least: int = MIN_KNOWN) -> "Summary":
        """Summarise rows of samples, shape (slots, features, samples), NaN = none; sorts `rows`."""
        wide = np.asarray(rows, np.float64)
        (low, center, high), count = quantiles(wide, (0.25, 0.5, 0.75))
        known = count >= least
        held = np.maximum(count, 1)[..., None]
        filled = np.nan_to_num(wide)
        mean = filled.sum(-1, keepdims=True) / held
        variance = (np.where(np.isnan(wide), 0.0, wide - mean) ** 2).sum(-1) / held[..., 0]
        spread = np.maximum((high - low) / NORMAL_QUARTILES, SPREAD_OF_SD * np.sqrt(variance))
        peak = np.abs(filled).max(-1) if wide.shape[-1] else np.zeros(wide.shape[:-1])
        return cls(
            *(np.where(known, value, np.nan) for value in (center, spread, peak)),
        )


class LongReference:
    """Center and spread per slot and feature, level and peak per feature of the cluster."""

    def __init__(self, *, features: int, capacity: int) -> None:
        self.center: Array = np.full((capacity, features), np.nan)
        self.spread: Array = np.full((capacity, features), np.nan)
        self.level: Array = np.zeros(features)
        self.peak: Array = np.zeros(features)
        self._derive()

    def fit(self, summary: Summary) -> None:
        """Replace everything by what a history says."""
        self.center, self.spread = summary.center, summary.spread
        self.level = np.nan_to_num(median(np.abs(self.center).T))
        self.peak = _highest(summary.peak)
        self._derive()

    def refresh(self, summary: Summary, elapsed_seconds: float) -> None:
        """Move towards what the last hour says: wholly where nothing was known, slowly elsewhere.

        Slowly, because an hour may be one long incident: after it a reference has moved by 1/168.
        """
        share = min(1.0, elapsed_seconds / MEMORY_SECONDS) if self.known else 1.0
        for mine, seen in ((self.center, summary.center), (self.spread, summary.spread)):
            moved = np.where(np.isnan(mine), seen, mine + share * (seen - mine))
            mine[...] = np.where(np.isnan(seen), mine, moved)
        level = np.nan_to_num(median(np.abs(self.center).T))
        self.level = self.level + share * (level - self.level)
        highest = _highest(summary.peak)
        self.peak = np.maximum(highest, self.peak + share * (highest - self.peak))
        self._derive()

    def bootstrap(self, level: Array) -> None:
        """Set the cluster's level, shape (features,), before any pod has `MIN_KNOWN` samples."""
        self.level = np.nan_to_num(level)
        self._derive()

    def adopt(self, slots: Indices, from_slots: Indices) -> None:
        """Give pods without a history the reference of a sibling."""
        for mine in (self.center, self.spread):
            mine[slots] = np.where(np.isnan(mine[slots]), mine[from_slots], mine[slots])
        self._derive_of(slots)

    def forget(self, slots: Indices) -> None:
        """Drop what is known of these slots; the cluster's level stays."""
        self.center[slots] = np.nan
        self.spread[slots] = np.nan
        self._derive()

    def grow(self, capacity: int) -> None:
        """Add unknown slots at the end."""
        self.center = grown(self.center, capacity, np.nan)
        self.spread = grown(self.spread, capacity, np.nan)
        self._derive()

    @property
    def known(self) -> bool:
        """Whether any pod has a reference."""
        return bool(np.isfinite(self.center).any())

    def _derive(self) -> None:
        """Work out the floors once per change instead of once per sample."""
        # A single absurd value must not raise the floor above everything: at most as much again.
        peak = PEAK_SHARE * self.peak
        peak = np.where(self.level > 0, np.minimum(peak, MATERIAL * self.level), peak)
        self._base: Array = peak + TINY + MATERIAL * self.level
        self.floor: Array = np.empty_like(self.center)
        self.scale: Array = np.empty_like(self.center)
        self._derive_of(slice(None))

    def _derive_of(self, slots: Indices | slice) -> None:
        """Of these slots alone, while the cluster is the same: a new pod must not cost a look at all others."""
        floor = RELATIVE * np.abs(np.nan_to_num(self.center[slots])) + self._base
        self.floor[slots] = floor
        self.scale[slots] = np.nan_to_num(self.spread[slots]) + floor


def _highest(peak: Array) -> Array:
    """The highest value of the cluster by feature; 0 where there is none."""
    highest: Array = np.nan_to_num(peak).max(axis=0, initial=0.0)
    return highest
