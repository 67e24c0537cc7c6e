"""Why a pod has its score: the features that made it, in the units that people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.detector import Scores

LEAST_SHARE: Final = 0.05
"""A feature that made less than a twentieth of the score explains nothing."""


@dataclass(frozen=True, slots=True)
class FeatureShare:
    """One feature's part in a score; values in the feature's natural unit (`api.features.written`)."""

    feature: Feature
    share: float
    """0..1 of the score; the shares of all features sum to 1, also those left out as too small."""
    deviation: float
    """Signed, asinh sigma: sinh(deviation) is how many spreads the value lies off."""
    observed: float
    expected: float
    low: float
    high: float


def explain(scores: Scores, slot: int, features: Sequence[Feature]) -> tuple[FeatureShare, ...]:
    """The features behind one slot's score, the largest share first.

    Empty when the slot is not scored or nothing deviates. A feature without a sample now is left out,
    even if it raised the score a moment ago: there is no number to show for it.
    """
    share = scores.contribution[slot]
    shown = np.flatnonzero((share >= LEAST_SHARE) & np.isfinite(scores.deviation[slot])).tolist()
    return tuple(
        FeatureShare(
            feature=features[index],
            share=float(share[index]),
            deviation=float(scores.deviation[slot, index]),
            observed=float(scores.observed[slot, index]),
            expected=float(scores.expected[slot, index]),
            low=float(scores.low[slot, index]),
            high=float(scores.high[slot, index]),
        )
        for index in sorted(shown, key=lambda index: -share[index])
    )
