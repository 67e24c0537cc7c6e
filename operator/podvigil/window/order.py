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
    *outer, size = rows.shape
    count = int(np.prod(outer))
    if not count * size:
        return np.full((len(shares), *outer), np.nan), np.zeros(outer, np.intp)
    rows.sort(axis=-1)  # NaN sorts last
    flat = rows.reshape(count, size)
    present = np.full(count, size, np.intp)
    holed = np.flatnonzero(np.isnan(flat[:, -1]))
    present[holed] -= np.count_nonzero(np.isnan(flat[holed]), axis=-1)
    last = np.maximum(present - 1, 0)
    # Plain indices cost a third of `take_along_axis`, of which there would be two for every quantile.
    values, start = flat.reshape(-1), np.arange(count) * size
    result = np.empty((len(shares), count))
    for into, share in zip(result, shares, strict=True):
        position = last * share
        low = position.astype(np.intp)
        below = values[start + low].astype(np.float64)
        above = values[start + np.minimum(low + 1, last)].astype(np.float64)
        into[...] = below + (above - below) * (position - low)  # an empty row reads its own NaN
    return result.reshape(len(shares), *outer), present.reshape(outer)


def median(rows: Array) -> Array:
    """Median along the last axis, holes left out; `rows` is left as it is. NaN where there is no sample."""
    middle: Array = quantiles(np.array(rows, np.float64), (0.5,))[0][0]
    return middle
