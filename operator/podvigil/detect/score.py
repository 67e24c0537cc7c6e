"""How abnormal: from the deviation of each feature to one score per pod.

Deviations are on the asinh scale (u = asinh z): linear near normal, logarithmic far away, so that one
huge value cannot drown the rest. What is subtracted or added is subtracted or added in sigma units
(sinh u): on the asinh scale a small correction would reorder scores that are already saturated.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.window.arrays import Array

WEIGHTS: Final[dict[Feature, float]] = {
    Feature.CPU: 1.0,
    Feature.MEMORY: 1.0,
    # Traffic moves with its callers more than with the pod's own health.
    Feature.NETWORK_RECEIVE: 0.5,
    Feature.NETWORK_TRANSMIT: 0.5,
}
DROP_WEIGHT: Final = 0.5
"""A fall counts half: most falls are less work, few are a stuck process."""

DEVIATION_LIMIT: Final = 8.0
"""asinh sigma; sinh(8) = 1,490 sigma: beyond it nothing more is learnt from a larger number."""

SCORE_LIMIT: Final = 12.0
"""Ceiling of the statistics' part before the network's is added (sinh(12) = 81,000 sigma)."""

LOGIT_LIMIT: Final = 6.0
"""The network's fault logit counts from 0 (never against the statistics) to here."""


def weights_of(features: Sequence[Feature]) -> Array:
    """Weights in the order of `features`. Raises ValueError for a feature that no score takes."""
    unknown = [str(feature) for feature in features if feature not in WEIGHTS]
    if unknown or not features or len(set(features)) != len(features):
        allowed = ", ".join(WEIGHTS)
        raise ValueError(
            f"the score takes each of {allowed} at most once and at least one of them, "
            f"not ({', '.join(features)})"
        )
    return np.array([WEIGHTS[feature] for feature in features])


def residual(observed: Array, expected: Array) -> Array:
    """Observed minus expected deviation, subtracted in sigma units, back on the asinh scale.

    Args:
        observed, expected: within ± `DEVIATION_LIMIT`, so that sinh stays exact.
    """
    left: Array = np.arcsinh(np.sinh(observed) - np.sinh(expected))
    return left


def evidence(deviation: Array, weights: Array) -> Array:
    """What each feature says against the pod, shape (slots, features), ≥ 0: weighted, falls halved."""
    return np.where(deviation > 0, deviation, -DROP_WEIGHT * deviation) * weights


def with_logit(score: Array, logit: Array, beta: float) -> Array:
    """Add `beta` sigma for each unit of positive fault logit."""
    bounded = np.sinh(np.minimum(score, SCORE_LIMIT))
    raised: Array = np.arcsinh(bounded + beta * np.clip(logit, 0.0, LOGIT_LIMIT))
    return raised


def in_sigma(evidence: Array) -> Array:
    """Sigma units of what is on the asinh scale, bounded by `SCORE_LIMIT`."""
    sigma: Array = np.sinh(np.minimum(evidence, SCORE_LIMIT))
    return sigma


def shares(sigma: Array) -> Array:
    """Share of each feature in the score, rows sum to 1; all 0 where nothing deviates.

    In sigma units, since the score takes the largest feature and not the sum: a feature at 5 beside
    one at 3 (asinh scale) is the cause by 74 to 10, and its share says so (.88).
    """
    total = sigma.sum(axis=1, keepdims=True)
    share: Array = np.divide(sigma, total, out=np.zeros_like(sigma), where=total > 0)
    return share
