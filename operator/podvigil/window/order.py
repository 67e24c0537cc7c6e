"""Order statistics of rows that have holes, without a warning and without a copy per quantile."""

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array


def quantiles(rows: Array, shares: tuple[float, ...]) -> tuple[Array, npt.NDArray[np.intp]]:
    """Quantiles along the last axis, linear between samples, holes (NaN) left out.

    Args:
        rows: shape (..., n); sorted in place (it is a work buffer), since sorting once and
            reading several quantiles is cheaper than partitioning for each.
        shares: each 0..1.

    Returns:
        Quantiles, shape (len(shares), ...), float64, NaN where a row has no sample;
        and the count of samples per row.
    """
    present = rows.shape[-1] - np.count_nonzero(np.isnan(rows), axis=-1)
    rows.sort(axis=-1)  # NaN sorts last
    result = np.full((len(shares), *rows.shape[:-1]), np.nan)
    if rows.shape[-1] == 0:
        return result, present
    last = np.maximum(present - 1, 0)
    for into, share in zip(result, shares, strict=True):
        position = last * share
        low = np.floor(position).astype(np.intp)
        high = np.minimum(low + 1, last)
        below = np.take_along_axis(rows, low[..., None], -1)[..., 0].astype(np.float64)
        above = np.take_along_axis(rows, high[..., None], -1)[..., 0].astype(np.float64)
        into[...] = below + (above - below) * (position - low)  # an empty row reads its own NaN
    return result, present


def median(rows: Array) -> Array:
    """Median along the last axis, holes left out; `rows` is left as it is. NaN where there is no sample."""
    middle: Array = quantiles(np.array(rows, np.float64), (0.5,))[0][0]
    return middle
