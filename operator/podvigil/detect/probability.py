"""From a score to the probability that the pod is at fault.

What is calibrated is the margin, score minus the threshold at one false alarm per pod-day: a score of 4
means another thing in a quiet cluster than in a restless one, the margin the same in both. The curve is
fitted in training on generated clusters with known faults, and travels as plain numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.window.arrays import Array

CALIBRATION_BUDGET: Final = 1.0
"""False alarms per pod-day of the threshold that margins are counted from, whatever the user's dial says."""


@dataclass(frozen=True, slots=True)
class ProbabilityCurve:
    """A monotone curve, linear between its points and flat beyond them.

    Raises ValueError naming the array, unless both are finite and equally long (at least two), `margin`
    strictly rises, and `probability` never falls and stays within 0..1.
    """

    margin: Array
    probability: Array

    def __post_init__(self) -> None:
        margin, probability = np.asarray(self.margin, float), np.asarray(self.probability, float)
        if margin.ndim != 1 or margin.shape != probability.shape or margin.size < 2:
            raise ValueError(
                f"margin and probability must be lists of the same length of at least 2, "
                f"not of shapes {margin.shape} and {probability.shape}"
            )
        if not (np.isfinite(margin).all() and (np.diff(margin) > 0).all()):
            raise ValueError("margin must rise strictly and be finite")
        if not ((probability >= 0).all() and (probability <= 1).all() and (np.diff(probability) >= 0).all()):
            raise ValueError("probability must lie within 0..1 and never fall")
        for name, array in (("margin", margin), ("probability", probability)):
            own = array.copy()
            own.setflags(write=False)
            object.__setattr__(self, name, own)

    def at(self, score: Array, threshold: float | Array) -> Array:
        """Probabilities of scores, given the threshold at `CALIBRATION_BUDGET`; NaN stays NaN."""
        return np.interp(np.asarray(score, float) - threshold, self.margin, self.probability)


UNFITTED: Final = ProbabilityCurve(
    np.array([-4.0, -2.0, 0.0, 2.0, 4.0]),
    np.array([0.0, 0.05, 0.5, 0.95, 1.0]),
)
"""Where no model could be loaded, so no curve either: even odds at the threshold and rising with the
score. It orders pods; it was fitted to nothing, and whoever shows it should say so."""
