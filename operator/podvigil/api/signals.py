"""What can be wrong with a pod: the closed set of signals a report is about."""

from enum import StrEnum
from typing import Final

from podvigil.api.features import Feature


class Signal(StrEnum):
    """One kind of trouble; part of the report's name, so a workload has one report for each."""

    CPU_HIGH = "CPUHigh"
    CPU_LOW = "CPULow"
    MEMORY_HIGH = "MemoryHigh"
    MEMORY_LOW = "MemoryLow"
    NETWORK_RECEIVE_HIGH = "NetworkReceiveHigh"
    NETWORK_RECEIVE_LOW = "NetworkReceiveLow"
    NETWORK_TRANSMIT_HIGH = "NetworkTransmitHigh"
    NETWORK_TRANSMIT_LOW = "NetworkTransmitLow"
    OOM_KILLED = "OOMKilled"
    CRASH_LOOP = "CrashLoopBackOff"
    RESTART_BURST = "RestartBurst"
    CPU_THROTTLING = "CPUThrottling"
    VOLUME_FILLING = "VolumeFilling"


MODEL_SIGNALS: Final[dict[tuple[Feature, bool], Signal]] = {
    (Feature.CPU, True): Signal.CPU_HIGH,
    (Feature.CPU, False): Signal.CPU_LOW,
    (Feature.MEMORY, True): Signal.MEMORY_HIGH,
    (Feature.MEMORY, False): Signal.MEMORY_LOW,
    (Feature.NETWORK_RECEIVE, True): Signal.NETWORK_RECEIVE_HIGH,
    (Feature.NETWORK_RECEIVE, False): Signal.NETWORK_RECEIVE_LOW,
    (Feature.NETWORK_TRANSMIT, True): Signal.NETWORK_TRANSMIT_HIGH,
    (Feature.NETWORK_TRANSMIT, False): Signal.NETWORK_TRANSMIT_LOW,
}
"""The signal of a model finding: the feature that made the score, and whether it is above expectation."""


CERTAIN_SIGNALS: Final = frozenset({Signal.CRASH_LOOP, Signal.OOM_KILLED, Signal.RESTART_BURST})
"""What the cluster itself says: seen, and not estimated."""


class Severity(StrEnum):
    """How soon a person should look."""

    INFO = "Info"
    WARNING = "Warning"
    CRITICAL = "Critical"
