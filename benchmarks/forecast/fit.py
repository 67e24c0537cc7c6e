"""Fits the interval of the forecast on generated leaks: `python -m forecast.fit`, in `benchmarks/`.

Prints the coefficients for `detect/forecast.py`, which are copied by hand: they change with the generator or the
lines only. The benchmark asks other seeds.
"""

from typing import Final

import numpy as np
from forecast.study import Answers, Floats, study
from sklearn.linear_model import QuantileRegressor

SEED: Final = 1
SERIES_PER_KIND: Final = 40
SHARES: Final = (0.1, 0.5, 0.9)


def fitted(answers: Answers) -> Floats:
    """Quantile regression of ln(true / extrapolated), shape (3, 5); all leaks that were spoken of."""
    chosen = answers.leaks & np.isfinite(answers.extrapolated)
    error = np.log(answers.true[chosen] / answers.extrapolated[chosen])
    return np.stack(
        [
            QuantileRegressor(quantile=share, alpha=0.0, fit_intercept=False)
            .fit(answers.design[chosen], error)
            .coef_
            for share in SHARES
        ]
    )


if __name__ == "__main__":
    print(np.array2string(fitted(study(SEED, per_kind=SERIES_PER_KIND)).round(3), separator=", "))
