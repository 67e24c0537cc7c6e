"""Forms of the window that were tried, to be judged against the exact one. What they hold is simulated in float32:
only the samples that they would give back are theirs, not their memory.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from podvigil.window.arrays import Array, Indices
from podvigil.window.compact import CompactRing, compact_shape, decoded, encoded
from podvigil.window.order import quantiles
from podvigil.window.ring import TrailingRing, WindowShape

Rings = Callable[..., TrailingRing]
"""As `choice.ring_for`: (shape, *, features, capacity)."""


class WholeHour(TrailingRing):
    """As the compact form, with all 60 minutes."""

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        compact = compact_shape(shape)
        window = min(shape.window // (compact.stride // shape.stride), 60)
        super().__init__(
            WindowShape(compact.stride, window, compact.gap), features=features, capacity=capacity
        )

    def store(self, values: Array) -> None:
        """Hold it in 16 bits."""
        super().store(decoded(encoded(values)))


class FiveMinutesOld(WholeHour):
    """As that, with statistics that are worked out every five minutes."""

    EVERY = 5

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        super().__init__(shape, features=features, capacity=capacity)
        self._stores = 0
        self._old = self._samples[:, :, : self.shape.window]

    def store(self, values: Array) -> None:
        """Hold it; every fifth time, look back."""
        super().store(values)
        self._stores += 1
        if self._stores % self.EVERY == 0:
            self._old = super().before_gap(slice(None))

    def before_gap(self, slots: slice | Indices) -> Array:
        """What the window was when it was last looked at."""
        return self._old[slots].copy()


class MinuteMeans(WholeHour):
    """The mean of each minute instead of one of its samples."""

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        super().__init__(shape, features=features, capacity=capacity)
        self._sum: Array = np.zeros((capacity, features))
        self._count: Array = np.zeros((capacity, features))

    def push(self, values: Array) -> None:
        """Add to the minute; hold its mean when it is over."""
        self._sum += np.nan_to_num(values)
        self._count += np.isfinite(values)
        self._ticks += 1
        if self.stores_next:
            self.store(np.where(self._count > 0, self._sum / np.maximum(self._count, 1), np.nan))
            self._sum[:], self._count[:] = 0.0, 0.0


class LogBytes(TrailingRing):
    """Every sample in a byte: 254 steps by logarithm, 1e-9 to 1e15, 24 % each."""

    LOWEST, HIGHEST, STEPS = 1e-9, 1e15, 254

    def store(self, values: Array) -> None:
        """Hold the nearest step."""
        whole = np.log(self.HIGHEST / self.LOWEST)
        code = np.rint(np.log(np.maximum(values, self.LOWEST) / self.LOWEST) / whole * self.STEPS)
        super().store(np.where(code == 0, 0.0, np.exp(code / self.STEPS * whole) * self.LOWEST))


class AnchoredBytes(TrailingRing):
    """One sample each 30 s in a byte around an anchor of its own row, logarithmic far from it (as ITU-T G.711
    compands speech); anchor and unit follow center and spread. 49 minutes, for the same memory.
    """

    STEPS, CODES = 12, 126

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        coarser = max(1, shape.window // 120)
        gap = max(1, shape.gap // coarser)
        bytes_shape = WindowShape(shape.stride * coarser, min(shape.window // coarser, 109 - gap), gap)
        super().__init__(bytes_shape, features=features, capacity=capacity)
        self._anchor: Array = np.full((capacity, features), np.nan)
        self._unit: Array = np.full((capacity, features), 1e-9)

    def store(self, values: Array) -> None:
        """Hold the nearest code; every ten stored samples, aim anew."""
        self._anchor = np.where(np.isnan(self._anchor), values, self._anchor)
        reach = np.sinh(self.CODES / self.STEPS)
        self._unit = np.fmax(self._unit, np.abs(values - self._anchor) / reach)
        super().store(self._nearest(values, self._anchor, self._unit))
        if self._next % 10 == 0:
            (low, center, high), held = quantiles(self.before_gap(slice(None)), (0.25, 0.5, 0.75))
            unit = np.maximum(np.maximum((high - low) / 1.349, 0.02 * np.abs(center)), 1e-9)
            moved = (held >= 10) & (
                (np.abs(center - self._anchor) > 2 * self._unit) | (unit < self._unit / 2)
            )
            self._anchor = np.where(moved, center, self._anchor)
            self._unit = np.where(moved, unit, self._unit)

    def _nearest(self, values: Array, anchor: Array, unit: Array) -> Array:
        code = np.rint(self.STEPS * np.arcsinh((values - anchor) / unit))
        return anchor + unit * np.sinh(np.clip(code, -self.CODES, self.CODES) / self.STEPS)


class SortedFifths(TrailingRing):
    """Of each five samples, sorted, two are kept (four at 60 s), in ranks that take turns: a compactor, as in
    Manku, Rajagopalan and Lindsay, SIGMOD 1998. 16 bits, 65 minutes.
    """

    BLOCK = 5

    def __init__(self, shape: WindowShape, *, features: int, capacity: int) -> None:
        stride = max(1, shape.window // 120) * shape.stride
        step = 3600 / shape.window / shape.stride * stride
        self._kept = max(2, round(self.BLOCK * step / 75))
        blocks = max(1, round(3600 / (self.BLOCK * step)))
        gap = max(1, round(300 / (self.BLOCK * step)))
        kept = WindowShape(stride, blocks * self._kept, gap * self._kept)
        super().__init__(kept, features=features, capacity=capacity)
        self._open: list[Array] = []
        self._turn = 0.0

    def store(self, values: Array) -> None:
        """Collect a block; sort and thin it when it is full."""
        self._open.append(decoded(encoded(values)))
        if len(self._open) < self.BLOCK:
            return
        block = np.sort(self._open, axis=0)
        self._open = []
        for rank in np.floor((np.arange(self._kept) + self._turn) * self.BLOCK / self._kept).astype(int):
            super().store(block[rank])
        self._turn = (self._turn + 0.6180339887) % 1.0


def compact(shape: WindowShape, *, features: int, capacity: int) -> TrailingRing:
    """Ours, however small the set."""
    return CompactRing(compact_shape(shape), features=features, capacity=capacity)


OURS: Final = "compact (ours): 16 bits, one a minute, 53 minutes"

FORMS: Final[dict[str, tuple[Rings, str]]] = {
    "exact": (TrailingRing, "520"),
    OURS: (compact, "116"),
    "the same with 60 minutes": (WholeHour, "130"),
    "60 minutes, refreshed every five": (FiveMinutesOld, "130"),
    "minute means": (MinuteMeans, "130"),
    "bytes by logarithm, every sample": (LogBytes, "130"),
    "bytes around an anchor, one in 30 s, 49 minutes": (AnchoredBytes, "117"),
    "two of five sorted, 16 bits": (SortedFifths, "114"),
}
"""Name → ring, and bytes a pod and feature at 30 s."""
