"""One measurement in a process of its own, so that no other's memory is in it; prints one line of JSON.

    python -m scale.measure window --form compact --pods 150000 --features 8
    python -m scale.measure detector --mode LSTM --pods 150000

CPU time of the process, at 30 s, past the first minutes. Memory of the window is what
Python and NumPy allocated; of the detector, what the process grew by.
"""

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.baseline import Baseline
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.recurrence import Recurrence
from podvigil.detect.reference import LongReference
from podvigil.detect.store import load_model
from podvigil.window import choice
from podvigil.window.arrays import Array
from podvigil.window.ring import WindowShape

INTERVAL: Final = 30.0
SAMPLES: Final = 4
"""Different samples of all pods, given in turn."""

REPLICAS: Final = 15
"""Pods of a workload: 150,000 pods are then as many workloads as the habits take in."""

START: Final = 1_750_000_000.0
"""Unix seconds of the first sample and of the pods' starts."""

COLD_TICKS: Final = 32
"""A quarter of an hour; a pod has a window of its own after that."""

MODELS: Final = Path(__file__).parents[2] / "models"


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["window", "detector", "state"])
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--form", choices=["exact", "compact"], default="compact")
    parser.add_argument("--features", type=int, default=8)
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.LSTM)
    parser.add_argument("--ticks", type=int, default=12)
    given = parser.parse_args()
    if given.what == "window":
        found = window(given.form, given.pods, given.features, given.ticks)
    elif given.what == "detector":
        found = detector(given.mode, given.pods, given.ticks)
    else:
        found = state(given.pods)
    print(json.dumps(found))


def window(form: str, pods: int, features: int, ticks: int) -> dict[str, float]:
    """Memory and CPU of the trailing window and its order statistics, by `Baseline` itself.

    The exact form is sorted whole at every tick, however large; the compact form as it is in the operator.
    """
    samples = random_samples(pods, features)
    nothing: Array = np.zeros((pods, features))
    choice.EXACT_SAMPLES = 2**62 if form == "exact" else 0  # type: ignore[misc]  # forced, to compare
    reference = LongReference(features=features, capacity=pods)
    reference.center, reference.spread = nothing + 4.0, nothing + 2.0
    tracemalloc.start()
    baseline = (
        Baseline(WindowShape.of(INTERVAL), features=features, capacity=pods, sorted_per_tick=2**62)
        if form == "exact"
        else Baseline(WindowShape.of(INTERVAL), features=features, capacity=pods)
    )
    for tick in range(baseline.ring.shape.stored * baseline.ring.shape.stride):
        baseline.push(samples[tick % SAMPLES])
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    baseline.refresh()
    baseline.push(samples[0])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    refreshed, stored = [], []
    for tick in range(ticks):
        refreshed.append(cpu(baseline.refresh))
        stored.append(cpu(lambda tick=tick: baseline.push(samples[tick % SAMPLES])))
    return {
        "held_mb": held / 1e6,
        "peak_mb": peak / 1e6,
        "refresh_s": float(np.mean(refreshed)),
        "refresh_worst_s": max(refreshed),
        "store_s": float(np.mean(stored)),
        "hourly_s": cpu(baseline.summary),
    }


def detector(mode: Mode, pods: int, ticks: int) -> dict[str, float]:
    """CPU of one tick of the whole detector, with the features that the model takes."""
    cell = load_model(MODELS).cell if mode is Mode.LSTM else None
    samples = random_samples(pods, len(MODEL_FEATURES))
    before = resident_bytes()
    watch = Detector(mode=mode, features=MODEL_FEATURES, interval_seconds=INTERVAL, capacity=pods, cell=cell)
    slots = np.arange(pods)
    watch.assign(slots, [slot // REPLICAS for slot in range(pods)], np.full(pods, START))
    present = np.ones(pods, bool)

    def tick(number: int) -> float:
        return cpu(lambda: watch.observe(samples[number % SAMPLES], present, START + number * INTERVAL))

    first = tick(0)
    cold = [tick(number) for number in range(1, COLD_TICKS)]
    warm = [tick(number) for number in range(COLD_TICKS, COLD_TICKS + ticks)]
    return {
        "tick_s": float(np.mean(warm)),
        "worst_s": max(warm),
        "cold_s": float(np.mean(cold)),
        "first_s": first,
        "grown_mb": (resident_bytes() - before) / 1e6,
    }


def state(pods: int) -> dict[str, float]:
    """Bytes of the network's state and of its snapshots."""
    held = Recurrence(load_model(MODELS).cell, interval_seconds=INTERVAL, capacity=pods)
    arrays = [value for value in vars(held).values() if isinstance(value, np.ndarray)]
    past = max(arrays, key=lambda array: array.ndim)
    return {
        "state_mb": sum(array.nbytes for array in arrays if array is not past) / 1e6,
        "snapshots_mb": past.nbytes / 1e6,
        "snapshots": past.shape[1],
    }


def random_samples(pods: int, features: int) -> list[Array]:
    """Gamma noise: what it costs to sort does not depend on how a load looks."""
    random = np.random.default_rng(0)
    return [random.gamma(4.0, 1.0, (pods, features)) for _ in range(SAMPLES)]


def cpu(action: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    started = time.process_time()
    action()
    return time.process_time() - started


def resident_bytes() -> int:
    """Memory of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
