"""What a pod was like in the hour before the last five minutes: center and scale per feature.

Cost: sorting the window, 120 samples × features × pods at 30 s, or 53 in a large cluster's compact window.
Measured in benchmarks/scale. Above `SORTED_PER_TICK` samples the slots take turns, each turn a contiguous
share: the gap makes a baseline that is a tick or two old as good as a fresh one. One that is five minutes old is
not: it costs up to 0.01 VUS-PR (benchmarks/results/scale.md).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.reference import MIN_KNOWN, NORMAL_QUARTILES, RELATIVE, LongReference, Summary
from podvigil.window.arrays import Array, Indices, Mask, every_feature, grown
from podvigil.window.choice import larger, ring_for
from podvigil.window.order import median, quantiles
from podvigil.window.ring import WindowShape

BLOCK: Final = 256
"""Slots sorted together: 256 × 8 × 60 floats are half a megabyte, which stays in the cache of a core and hardly adds to
what the window takes."""

SORTED_PER_TICK: Final = 20_000_000
"""Samples sorted in one tick at most, ~0.1 s of one core: an exact window whole (`choice.EXACT_SAMPLES`), and the
compact window of 150,000 pods × 8 features, 60 million a minute, in three ticks."""

SCALE_OF_REFERENCE: Final = 0.3
"""A quiet hour may shrink the scale to this share of the long reference's, not further."""

MIN_RECENT: Final = 3
"""Samples from which a pod without any history is compared with itself."""


ENOUGH_SHARE: Final = 6
"""A sixth of the window, eight to ten minutes, makes one: a pod's own start is over by then."""

FEW_WIDEN: Final = 6.0
"""Few samples understate a spread: of 3 it counts three times, of 12 half as much again."""

FEW_LEVEL: Final = 0.1
"""Share of the level that is added to it: the first samples of a pod may all be the same."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Center and scale in natural units, (slots, features), NaN = nothing to compare with."""

    center: Array
    scale: Array
    cold: Mask
    """(slots,) bool: no feature has a trailing window yet; center and scale are the fallback's."""


class Baseline:
    """The trailing window of all slots and its order statistics."""

    def __init__(
        self,
        shape: WindowShape,
        *,
        features: int,
        capacity: int,
        sorted_per_tick: int = SORTED_PER_TICK,
    ) -> None:
        self.ring = ring_for(shape, features=features, capacity=capacity)
        self._center: Array = np.full((capacity, features), np.nan, self.ring.precision)
        self._scale: Array = np.full((capacity, features), np.nan, self.ring.precision)
        self._turn = 0
        self._due = len(self._blocks())
        """Blocks whose statistics are older than their samples."""
        self._sorted_per_tick = sorted_per_tick

    @property
    def enough(self) -> int:
        """Samples that make a window, at least five; a ring that grew compact has fewer of them."""
        window = self.ring.shape.window
        return min(window, max(MIN_RECENT + 2, window // ENOUGH_SHARE))

    def expect(self, reference: LongReference) -> Expectation:
        """What the samples before this one lead to expect; call `push` with the sample afterwards."""
        self.refresh()
        center, scale = self._center.astype(np.float64), self._scale.astype(np.float64)
        cold = every_feature(np.isnan(center))
        missing = ~np.isfinite(center)
        known = missing & np.isfinite(reference.center)
        center[known], scale[known] = reference.center[known], reference.scale[known]
        unknown = np.flatnonzero((missing & ~known).any(axis=1))
        if unknown.size:
            recent_center, recent_scale = self._recent(unknown)
            still = ~np.isfinite(center[unknown])
            center[unknown] = np.where(still, recent_center, center[unknown])
            scale[unknown] = np.where(still, recent_scale, scale[unknown])
        scale = (
            np.maximum(scale, SCALE_OF_REFERENCE * reference.scale)
            + RELATIVE * np.abs(center)
            + reference.floor
        )
        return Expectation(center, scale, cold)

    def refresh(self) -> None:
        """Work out the window's statistics anew, of all slots or of those whose turn it is."""
        blocks = self._blocks()
        per_block = BLOCK * self._center.shape[1] * self.ring.shape.window
        count = min(self._due, max(1, self._sorted_per_tick // per_block))
        self._due -= count
        for step in range(count):
            block = blocks[(self._turn + step) % len(blocks)]
            (low, center, high), held = quantiles(self.ring.before_gap(block), (0.25, 0.5, 0.75))
            full = held >= self.enough
            self._center[block] = np.where(full, center, np.nan)
            self._scale[block] = np.where(full, (high - low) / NORMAL_QUARTILES, np.nan)
        self._turn = (self._turn + count) % max(1, len(blocks))

    def push(self, values: Array) -> None:
        """Take one sample, shape (slots, features), NaN = none."""
        if self.ring.stores_next:
            self._due = len(self._blocks())
        self.ring.push(values)

    @property
    def memory_bytes(self) -> int:
        """What samples and statistics take."""
        return self.ring.memory_bytes + self._center.nbytes + self._scale.nbytes

    def summary(self) -> Summary:
        """What the window says as a long reference."""
        # Above three minutes the whole window has fewer samples than a history would need.
        least = min(MIN_KNOWN, self.ring.shape.window)
        parts = [Summary.of(self.ring.before_gap(block), least=least) for block in self._blocks()]
        return Summary(
            np.concatenate([part.center for part in parts]),
            np.concatenate([part.spread for part in parts]),
            np.concatenate([part.peak for part in parts]),
        )

    def typical_level(self) -> Array:
        """Median over pods of the median of the newest samples, (features,); NaN where there is none."""
        centers = [quantiles(self.ring.newest(block), (0.5,))[0][0] for block in self._blocks()]
        return median(np.abs(np.concatenate(centers)).T)

    def forget(self, slots: Indices) -> None:
        """Drop all that these slots hold."""
        self.ring.forget(slots)
        self._center[slots] = np.nan
        self._scale[slots] = np.nan

    def grow(self, capacity: int) -> None:
        """Add empty slots at the end."""
        self.ring = larger(self.ring, capacity)
        self._center = grown(self._center, capacity, np.nan).astype(self.ring.precision, copy=False)
        self._scale = grown(self._scale, capacity, np.nan).astype(self.ring.precision, copy=False)

    def _blocks(self) -> list[slice]:
        capacity = self.ring.capacity
        return [slice(start, min(start + BLOCK, capacity)) for start in range(0, capacity, BLOCK)]

    def _recent(self, slots: Indices) -> tuple[Array, Array]:
        """Center and widened scale of young pods, from all samples they have."""
        (low, center, high), held = quantiles(self.ring.newest(slots), (0.25, 0.5, 0.75))
        few = held < MIN_RECENT
        spread = (high - low) / NORMAL_QUARTILES * (1 + FEW_WIDEN / np.maximum(held, 1))
        widened = spread + FEW_LEVEL * np.abs(center)
        return np.where(few, np.nan, center), np.where(few, np.nan, widened)
