"""The lifelike load of `kwok/usage.yaml` once more, in numpy, to make a past that goes over into it without a step.

A test compares the two, so a change there is a change here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TIDE_SECONDS = 1200
CPU_SWING, CPU_NOISE = 0.3, 0.1
MEMORY_SWING, MEMORY_NOISE = 0.04, 0.02
NETWORK_SWING, NETWORK_NOISE = 0.3, 0.15
TRANSMIT_SHARE = 1.5
"""Answers are that much larger than requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Scale of one container's load: the `load.podvigil.io/` annotations of its pod, with their defaults."""

    cpu_cores: float = 0.1
    memory_bytes: float = 128 * 2**20
    network_bytes_per_second: float = 20e3

    def annotations(self) -> dict[str, str]:
        """Annotations for a workload's pod template."""
        return {
            "load.podvigil.io/cpu": f"{round(self.cpu_cores * 1000)}m",
            "load.podvigil.io/memory": str(round(self.memory_bytes)),
            "load.podvigil.io/network": str(round(self.network_bytes_per_second)),
        }


@dataclass(frozen=True, slots=True)
class Usage:
    """What one container used: arrays of shape (samples,), all of the same length."""

    at: FloatArray
    """Unix seconds, ascending."""
    cpu_cores: FloatArray
    memory_bytes: FloatArray
    receive_bytes_per_second: FloatArray
    transmit_bytes_per_second: FloatArray


def tide(at: FloatArray) -> FloatArray:
    """Traffic that all pods share at these Unix seconds: -1 to 1, twenty minutes from crest to crest."""
    half = TIDE_SECONDS // 2
    second = np.floor(at) % TIDE_SECONDS
    through = (second % half) / half
    return np.where(second < half, 4.0, -4.0) * through * (1 - through)


def sample(load: Load, at: FloatArray, rng: np.random.Generator) -> Usage:
    """Draw what a healthy container under `load` used at these Unix seconds."""
    swing = tide(at)

    def noise(width: float) -> FloatArray:
        return rng.uniform(1 - width, 1 + width, at.shape)

    network = load.network_bytes_per_second * (1 + NETWORK_SWING * swing)
    return Usage(
        at=at,
        cpu_cores=load.cpu_cores * (1 + CPU_SWING * swing) * noise(CPU_NOISE),
        memory_bytes=load.memory_bytes * (1 + MEMORY_SWING * swing + rng.uniform(0, MEMORY_NOISE, at.shape)),
        receive_bytes_per_second=network * noise(NETWORK_NOISE),
        transmit_bytes_per_second=TRANSMIT_SHARE * network * noise(NETWORK_NOISE),
    )
