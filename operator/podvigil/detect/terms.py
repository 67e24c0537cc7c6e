"""The score's terms: what the trailing hour, the season and the siblings each say against a pod.

Each is weighted evidence in sigma units by feature, and they add up in sigma units. Where no habit is
known only the first is there, and the score is the trailing hour's exactly.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.habits.deviation import Habitual
from podvigil.detect.score import in_sigma
from podvigil.window.arrays import Array, Mask

SEASON: Final = 2.0
"""The season is the surest witness where there is one: most of what an hour cannot know is in it."""

SIBLINGS: Final = 1.0

HOUR_WITH_SEASON: Final = 0.5
"""Beside a season the trailing hour counts half: it knows the same pod, over less time."""

NETWORK: Final = 0.5
"""Of a network feature's own weight, in the season: traffic is what makes days differ."""


@dataclass(frozen=True, slots=True)
class Terms:
    """(S, F) sigma units each, ≥ 0, weights included."""

    hour: Array
    season: Array
    siblings: Array

    @property
    def score(self) -> Array:
        """(S,): the largest feature of each term, added, on the asinh scale."""
        total = self.hour.max(axis=1) + self.season.max(axis=1) + self.siblings.max(axis=1)
        score: Array = np.arcsinh(total)
        return score

    @property
    def by_feature(self) -> Array:
        """(S, F): what each feature brings."""
        return self.hour + self.season + self.siblings


def of_hour_alone(evidence: Array) -> Terms:
    """No habits: (S, F) smoothed evidence of the trailing hour."""
    nothing = np.zeros(evidence.shape)
    return Terms(in_sigma(evidence), nothing, nothing)


def of_all(evidence: Array, season: Habitual, siblings: Habitual, habitual: Mask, weights: Array) -> Terms:
    """Weigh the terms against each other.

    Args:
        evidence: (S, F), smoothed, of the trailing hour, `weights` included.
        habitual: (S,): the season is known.
        weights: (F,).
    """
    hour = np.where(habitual[:, None], HOUR_WITH_SEASON, 1.0) * in_sigma(evidence)
    slow_weights = np.where(weights < 1, NETWORK * weights, weights)
    return Terms(
        hour,
        SEASON * in_sigma(slow_weights * np.abs(season.deviation)),
        SIBLINGS * in_sigma(weights * np.abs(siblings.deviation)),
    )
