"""The vitals of a pod, and the order in which the network sees them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Feature(StrEnum):
    """One vital of a pod, as it is named in reports and in the model's card."""

    CPU = "cpu"
    MEMORY = "memory"
    NETWORK_RECEIVE = "networkReceive"
    NETWORK_TRANSMIT = "networkTransmit"
    RESTARTS = "restarts"
    THROTTLING = "throttling"
    STORAGE = "storage"
    """Of the fullest volume: the share that is taken, 0 to 1."""


MODEL_FEATURES: Final = (
    Feature.CPU,
    Feature.MEMORY,
    Feature.NETWORK_RECEIVE,
    Feature.NETWORK_TRANSMIT,
)
"""The four input slots of the network, in this order; a source may lack any of them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """How a feature is written for people: `value / divisor`, then `symbol`."""

    symbol: str
    divisor: float
    decimals: int


UNITS: Final[dict[Feature, Unit]] = {
    Feature.CPU: Unit("m", 1e-3, 0),
    Feature.MEMORY: Unit("Mi", 2.0**20, 0),
    Feature.NETWORK_RECEIVE: Unit("KiB/s", 2.0**10, 1),
    Feature.NETWORK_TRANSMIT: Unit("KiB/s", 2.0**10, 1),
    Feature.RESTARTS: Unit("", 1.0, 0),
    Feature.THROTTLING: Unit("%", 1e-2, 0),
    Feature.STORAGE: Unit("%", 1e-2, 0),
}


def written(feature: Feature, value: float) -> str:
    """Write `value` (in the feature's base unit) as a person reads it, e.g. `412Mi` or `250m`."""
    unit = UNITS[feature]
    return f"{value / unit.divisor:.{unit.decimals}f}{unit.symbol}"
