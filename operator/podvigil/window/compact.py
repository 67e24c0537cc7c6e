"""The trailing samples of a large cluster: 16 bits each, one a minute.

A sample is kept as a float of 7 exponent and 9 fraction bits, without a sign, since no vital is negative: 0, and
1e-19 to 1.8e19 within 0.1 %. NumPy's float16 ends at 65,504, and memory is counted in bytes.

Memory: 2 bytes × features × 58 stored samples a pod, i.e. 116 bytes a pod and feature against the exact form's 520
at 30 s. What that costs in quality, and other forms that were tried: benchmarks/results/scale.md.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array
from podvigil.window.ring import TrailingRing, WindowShape

COARSE_WINDOW: Final = 60
"""Samples of an hour at the finest step, a minute. Single samples: means would shrink the spread."""

MOST_WINDOW: Final = 53
"""Samples in the baseline at most: as many as fit, for 150,000 pods × 8 features, into 150 MB."""

HOLE: Final = 0xFFFF
"""No sample. What NaN and infinity are cut to, and beyond every finite code."""

_CUT: Final = np.uint32(14)
"""Bits that a float32 loses: 14 of the 23 of its fraction."""

_ROUND: Final = np.uint32(1 << 13)

_SHIFT: Final = np.float32(2.0**-63)
"""Brings every sample below 2, where the top two bits of a float32 are 0 and need not be kept."""


class CompactRing(TrailingRing):
    """The last stored samples of every slot and feature, each ≥ 0 and kept within 0.1 %."""

    precision = np.float32
    _kind = np.uint16
    _hole = HOLE

    @classmethod
    def of(cls, exact: TrailingRing) -> "CompactRing":
        """Hold what an exact ring holds, as far as there is room."""
        shape = compact_shape(exact.shape)
        ring = cls(shape, features=exact.features, capacity=exact.capacity)
        for values in exact.oldest_first(every=shape.stride // exact.shape.stride):
            ring.store(values)
        return ring

    @staticmethod
    def _encoded(values: Array) -> npt.NDArray[Any]:
        return encoded(values)

    @staticmethod
    def _decoded(held: npt.NDArray[Any]) -> Array:
        return decoded(held)


def compact_shape(shape: WindowShape) -> WindowShape:
    """What of an exact window is stored in the compact form: one sample a minute, and `MOST_WINDOW` at most."""
    coarser = -(-shape.window // COARSE_WINDOW)
    # The gap is rounded up: a shorter one would let a running fault into its own baseline.
    return WindowShape(
        shape.stride * coarser, min(shape.window // coarser, MOST_WINDOW), -(-shape.gap // coarser)
    )


def encoded(values: Array) -> npt.NDArray[np.uint16]:
    """The nearest 16-bit codes; codes are ordered as their values are."""
    bits = (np.asarray(values, np.float32) * _SHIFT).view(np.uint32)
    codes: npt.NDArray[np.uint16] = np.minimum((bits + _ROUND) >> _CUT, np.uint32(HOLE)).astype(np.uint16)
    return codes


def decoded(codes: npt.NDArray[np.uint16]) -> Array:
    """The values of codes, float32, NaN where there is none."""
    bits = codes.astype(np.uint32)
    bits <<= _CUT
    values = bits.view(np.float32)
    values /= _SHIFT
    np.copyto(values, np.float32(np.nan), where=codes == HOLE)
    return values
