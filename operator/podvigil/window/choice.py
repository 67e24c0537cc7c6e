"""Which form the window takes: exact while the cluster is small, compact above.

Chosen by samples and not by pods, since memory and sorting are paid by the sample. The only place that knows.
"""

from typing import Final

from podvigil.window.compact import CompactRing, compact_shape
from podvigil.window.ring import TrailingRing, WindowShape

EXACT_SAMPLES: Final = 20_000_000
"""Samples held exactly at most: 80 MB, sorted in less than 0.1 s of a core, which is what a tick may cost. At 30 s
these are 38,000 pods with four features, or 19,000 with eight; at 5 s, 6,400 with four."""


def ring_for(shape: WindowShape, *, features: int, capacity: int) -> TrailingRing:
    """An empty ring, of the form that so many samples take."""
    if is_exact(shape, features=features, capacity=capacity):
        return TrailingRing(shape, features=features, capacity=capacity)
    return CompactRing(compact_shape(shape), features=features, capacity=capacity)


def larger(ring: TrailingRing, capacity: int) -> TrailingRing:
    """The same samples with empty slots at the end, in the form that they then take; `ring` is used up."""
    if not isinstance(ring, CompactRing) and not is_exact(
        ring.shape, features=ring.features, capacity=capacity
    ):
        ring = CompactRing.of(ring)
    ring.grow(capacity)
    return ring


def is_exact(shape: WindowShape, *, features: int, capacity: int) -> bool:
    """Whether so many slots are held exactly; `shape` is the exact form's."""
    return capacity * features * shape.stored <= EXACT_SAMPLES
