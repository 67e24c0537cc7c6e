"""How much work a cluster, a workload and a pod have over time: the ordinary life behind the series."""

from typing import Final

import numpy as np

from podvigil.training.cluster import Rng, Values

FASTEST_SECONDS: Final = 60.0
SLOWEST_SECONDS: Final = 1800.0
"""Correlation time of the random part of the load: from single requests' bursts to half-hourly drifts."""


def wandering(rng: Rng, steps: int, memory: float, spread: float, series: int = 1) -> Values:
    """Return (T, series) of a stationary AR(1): correlation `memory` per sample, standard deviation `spread`."""
    noise = rng.normal(size=(steps, series)) * spread * np.sqrt(1 - memory**2)
    out = np.empty((steps, series))
    state = rng.normal(size=series) * spread
    for t in range(steps):
        state = memory * state + noise[t]
        out[t] = state
    return out


def correlation(rng: Rng, interval_seconds: float) -> float:
    """Return the AR(1) coefficient per sample of a random correlation time."""
    return float(np.exp(-interval_seconds / rng.uniform(FASTEST_SECONDS, SLOWEST_SECONDS)))


def shape(rng: Rng, steps: int, interval_seconds: float) -> Values:
    """
    Return (T,) of a load with structure, about 0 to 1 with rare peaks: what a purely random one lacks.

    Plateaus with sudden changes, a saw of batches, a square wave of office hours, or spiky traffic.
    """
    kind = rng.choice(["plateaus", "batches", "square", "spikes"])
    time = np.arange(steps)
    if kind == "plateaus":
        changes = np.sort(rng.integers(0, steps, rng.integers(1, 9)))
        return np.asarray(rng.uniform(0, 1, len(changes) + 1)[np.searchsorted(changes, time, side="right")])
    if kind == "batches":
        period = rng.uniform(600, 5400) / interval_seconds
        return np.asarray(((time / period + rng.random()) % 1) ** rng.uniform(0.5, 3))
    if kind == "square":
        period = rng.uniform(1800, 14400) / interval_seconds
        return np.asarray(((time / period + rng.random()) % 1 < rng.uniform(0.2, 0.8)).astype(float))
    spikes = (rng.random(steps) < interval_seconds / rng.uniform(300, 3600)) * rng.pareto(2.5, steps)
    decay = np.exp(-np.arange(20) * interval_seconds / rng.uniform(30, 300))
    return np.clip(np.convolve(spikes, decay)[:steps], 0, 3)


def cluster_load(rng: Rng, steps: int, interval_seconds: float, shapes: tuple[Values, ...] = ()) -> Values:
    """
    Return (T,) of the load that all workloads share, around 1, above 0.

    Args:
        rng: decides everything.
        steps, interval_seconds: how much to make.
        shapes: (n,) recorded series scaled to about 0..1 that may stand in for the generated shapes.
    """
    memory = correlation(rng, interval_seconds)
    if rng.random() < 0.5:
        load = np.exp(wandering(rng, steps, memory, rng.uniform(0.02, 0.35))[:, 0])
    else:
        curve = (
            _recorded(rng, steps, shapes)
            if shapes and rng.random() < 0.7
            else shape(rng, steps, interval_seconds)
        )
        load = np.maximum(0.6 + rng.uniform(0.1, 1.0) * curve, 0.05)
        load = load * np.exp(wandering(rng, steps, memory, 0.05)[:, 0])
    period = rng.uniform(3600, 6 * 3600) / interval_seconds
    load = load * (1 + rng.uniform(0, 0.5) * np.sin(2 * np.pi * (np.arange(steps) / period + rng.random())))
    for _ in range(rng.poisson(0.18 * steps * interval_seconds / 3600)):
        # A surge or a lull of all traffic: no fault of any pod.
        start = int(rng.integers(0, steps))
        end = start + max(1, int(rng.uniform(120, 3600) / interval_seconds))
        load[start:end] *= np.exp(rng.uniform(-1.0, 1.1))
    return load


def _recorded(rng: Rng, steps: int, shapes: tuple[Values, ...]) -> Values:
    series = shapes[rng.integers(len(shapes))]
    start = int(rng.integers(0, max(1, len(series) - steps // 2)))
    stretch = rng.choice([1, 2, 4])
    part = series[start:]
    return np.asarray(np.interp(np.arange(steps) / stretch, np.arange(len(part)), part))
