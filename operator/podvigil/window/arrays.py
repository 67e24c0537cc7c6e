"""The array types of the hot path; pods are rows ("slots"), never Python objects."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
"""Floats over slots; NaN means "no value here", and stays NaN until something is known."""

Mask = npt.NDArray[np.bool_]
"""True or False over slots."""

Indices = npt.NDArray[np.intp]
"""Row numbers (slots)."""


def every_feature(flags: Mask) -> Mask:
    """Whether all features of a slot are flagged: (slots, features) to (slots,)."""
    every: Mask = np.logical_and.reduce(flags, axis=1)
    return every


def grown(array: npt.NDArray[Any], capacity: int, fill: float) -> npt.NDArray[Any]:
    """Copy `array` into one with `capacity` rows (axis 0), the new ones holding `fill`."""
    larger = np.full((capacity, *array.shape[1:]), fill, array.dtype)
    larger[: len(array)] = array
    return larger


def zeroed(values: Array) -> Array:
    """Copy with 0 where there is no value; a third of the cost of `numpy.nan_to_num`."""
    return np.where(np.isnan(values), 0.0, values)
