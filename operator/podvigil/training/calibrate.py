"""
From margins with known labels to the curve that turns a margin into a probability.

Isotonic regression over bins, exported as plain arrays: monotone because a higher score must never mean
a lower probability, and binned so that no single sample makes a step.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from podvigil.training.cluster import Values

FAULT_SHARE: Final = 0.01
"""
Share of samples at fault that probabilities assume: a quarter of an hour a day for an abnormal pod.

Generated clusters hold more, so that faults are met at all; samples are weighted to this share.
"""
BINS: Final = 40
"""Points of the curve; more would show the noise of some tens of thousands of samples."""
DOUBT: Final = 2.0
"""Samples at the overall share added to each bin, so that no bin claims certainty."""
TABLE: Final = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
"""Bounds of the rows of the reliability table."""


@dataclass(frozen=True, slots=True)
class FittedCurve:
    """The points of a `ProbabilityCurve`, as they are exported."""

    margin: tuple[float, ...]
    probability: tuple[float, ...]
    fault_share: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """One row: of samples said to be at fault with `said`, the share that `was`."""

    low: float
    high: float
    said: float
    was: float
    samples: int


def fit_curve(margin: Values, fault: npt.NDArray[np.bool_], fault_share: float = FAULT_SHARE) -> FittedCurve:
    """
    Fit the curve.

    Args:
        margin: (n,), finite.
        fault: (n,), both kinds must occur.
        fault_share: see `FAULT_SHARE`.

    Raises: ValueError when there is no fault or no normal sample, or all margins are equal.
    """
    if fault.all() or not fault.any():
        raise ValueError(f"{int(fault.sum())} of {len(fault)} samples are at fault; both kinds are needed")
    weight = weights(fault, fault_share)
    # Half of the bounds from each kind: by all samples alone, faults would share the last bin.
    shares = np.linspace(0, 1, BINS // 2 + 1)
    edges = np.unique(
        np.concatenate([np.quantile(margin[fault], shares), np.quantile(margin[~fault], shares)])
    )
    if len(edges) < 3:
        raise ValueError("all margins are equal; nothing can be told from them")
    bins = np.digitize(margin, edges[1:-1])
    mass = np.bincount(bins, weight, len(edges) - 1)
    faults = np.bincount(bins, weight * fault, len(edges) - 1)
    filled = mass > 0
    centers = np.bincount(bins, weight * margin, len(edges) - 1)[filled] / mass[filled]
    # One unit of weight is one normal sample; doubt counts in those.
    unit = float(weight[~fault][0])
    share = (faults[filled] + DOUBT * unit * fault_share) / (mass[filled] + DOUBT * unit)
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(centers, share, sample_weight=mass[filled])
    probability = fitted.predict(centers)
    return FittedCurve(
        tuple(round(float(value), 4) for value in centers),
        tuple(round(float(value), 5) for value in probability),
        fault_share,
    )


def weights(fault: npt.NDArray[np.bool_], fault_share: float) -> Values:
    """Return (n,) weights under which `fault_share` of the samples are at fault."""
    found = float(fault.mean())
    return np.where(fault, fault_share / found, (1 - fault_share) / (1 - found))


def reliability(curve: FittedCurve, margin: Values, fault: npt.NDArray[np.bool_]) -> list[Reliability]:
    """Compare what the curve says about other samples with what was, weighted to the curve's share."""
    said = np.interp(margin, curve.margin, curve.probability)
    weight = weights(fault, curve.fault_share)
    rows = []
    for low, high in pairwise(TABLE):
        within = (said >= low) & ((said < high) | (high == TABLE[-1]))
        if within.any():
            mean_said = float(np.average(said[within], weights=weight[within]))
            mean_was = float(np.average(fault[within], weights=weight[within]))
            rows.append(Reliability(low, high, mean_said, mean_was, int(within.sum())))
    return rows
