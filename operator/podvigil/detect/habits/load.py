"""Less work is no fault: how far a fall of load goes without counting.

Load moves between replicas and over holidays by some tenths. A pod that does far less than that, or
whose CPU falls while its traffic does not, is another matter: paused, cut off, throttled, left out.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from podvigil.api.features import Feature
from podvigil.window.arrays import Array, zeroed

LESS_WORK: Final = 0.35
"""Logarithm: down to seven tenths of the expected traffic nothing is wrong with the pod that serves it. On
generated days .35 was better than .5: what is cut off or stuck falls further."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the features that a habit tells apart are; None or empty = not measured."""

    cpu: int | None
    memory: int | None
    network: tuple[int, ...]

    @classmethod
    def of(cls, features: tuple[Feature, ...]) -> Self:
        """Find them in the order of `features`."""

        def place(feature: Feature) -> int | None:
            return features.index(feature) if feature in features else None

        both = place(Feature.NETWORK_RECEIVE), place(Feature.NETWORK_TRANSMIT)
        return cls(place(Feature.CPU), place(Feature.MEMORY), tuple(one for one in both if one is not None))

    @property
    def follow_load(self) -> tuple[int, ...]:
        """CPU and traffic: what is divided among replicas."""
        return (*(() if self.cpu is None else (self.cpu,)), *self.network)


def tolerated_fall(off: Array, columns: Columns) -> Array:
    """How far each value may lie below what is expected, (slots, features), logarithm, ≥ 0.

    Args:
        off: (slots, features): logarithm of the value over what is expected, NaN = not known.
    """
    slack = np.zeros(off.shape)
    if not columns.network:
        return slack
    network = list(columns.network)
    slack[:, network] = LESS_WORK
    if columns.cpu is not None:
        # The direction that fell less says how much less work there is.
        fell = np.maximum(-zeroed(off[:, network]).max(axis=1), 0.0)
        slack[:, columns.cpu] = np.minimum(fell, LESS_WORK)
    return slack
