"""The score's terms: what the trailing hour, the season and the siblings each say against a pod.

Each is weighted evidence in sigma units by feature, and they add up in sigma units. Where no habit is
known only the first is there, and the score is the trailing hour's exactly.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.detect.habits.deviation import Habitual
from podvigil.detect.score import in_sigma, weights_of
from podvigil.window.arrays import Array

SEASON: Final = 4.0
"""The season is the surest witness where there is one: most of what an hour cannot know is in it."""

SIBLINGS: Final = 2.0
"""Siblings know the load of this very moment; against the hour's single sample they count double."""

RISES: Final[dict[Feature, float]] = {
    Feature.CPU: 1.0,
    Feature.MEMORY: 1.0,
    # Traffic is what makes days differ.
    Feature.NETWORK_RECEIVE: 0.25,
    Feature.NETWORK_TRANSMIT: 0.25,
}
"""Weight of a rise above the season."""

FALLS: Final[dict[Feature, float]] = {
    Feature.CPU: 1.0,
    # Less memory than usual is a younger or an emptier pod.
    Feature.MEMORY: 0.0,
    # Full: only what is too deep to be less work is left of it (`habits.load`).
    Feature.NETWORK_RECEIVE: 1.0,
    Feature.NETWORK_TRANSMIT: 1.0,
}
"""Weight of a fall below the season or the siblings."""


@dataclass(frozen=True, slots=True)
class Terms:
    """(S, F) sigma units each, ≥ 0, weights included."""

    hour: Array
    season: Array
    siblings: Array

    @property
    def by_feature(self) -> Array:
        """(S, F): what each feature brings."""
        return self.hour + self.season + self.siblings


def of_hour_alone(evidence: Array) -> Terms:
    """No habits: (S, F) smoothed evidence of the trailing hour."""
    nothing = np.zeros(evidence.shape)
    return Terms(in_sigma(evidence), nothing, nothing)


def of_all(evidence: Array, season: Habitual, siblings: Habitual, features: tuple[Feature, ...]) -> Terms:
    """Weigh the terms against each other.

    Args:
        evidence: (S, F), smoothed, of the trailing hour, its weights included.
    """
    rises = np.array([RISES[feature] for feature in features])
    falls = np.array([FALLS[feature] for feature in features])
    return Terms(
        in_sigma(evidence),
        SEASON * in_sigma(_weighed(season.deviation, rises, falls)),
        SIBLINGS * in_sigma(_weighed(siblings.deviation, weights_of(features), falls)),
    )


def score_of(hour: Array, terms: Terms) -> Array:
    """One score, (S,), on the asinh scale: of the season and the siblings the largest feature.

    Args:
        hour: (S,): the trailing hour's own score; it is the score where no habit says anything.
    """
    habits = terms.season.max(axis=1) + terms.siblings.max(axis=1)
    score: Array = np.arcsinh(in_sigma(hour) + habits)
    return score


def _weighed(deviation: Array, rises: Array, falls: Array) -> Array:
    return np.where(deviation > 0, rises * deviation, -falls * deviation)
