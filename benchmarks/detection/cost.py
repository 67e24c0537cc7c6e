#!/usr/bin/env python3
"""What one tick of the detector costs: `python benchmarks/detection/cost.py [--ticks 8]`.

CPU time of one process, past the first minutes (sorting holes costs like sorting samples), four features.
"""

import argparse
import time
from pathlib import Path
from typing import Final

import numpy as np

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.store import load_model
from podvigil.window.ring import WindowShape

LOADS: Final = ((100, 30.0), (1_000, 30.0), (10_000, 30.0), (10_000, 5.0), (150_000, 30.0))
"""Pods and interval in seconds."""


def main() -> None:
    """Print one line per load and mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=8)
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "models")
    given = parser.parse_args()
    cell = load_model(given.model).cell
    print("| pods | interval | mode | CPU ms a tick | window MB |\n|---|---|---|---|---|")
    for pods, interval in LOADS:
        for mode in (Mode.STATISTICS, Mode.LSTM):
            detector = Detector(
                mode=mode, features=MODEL_FEATURES, interval_seconds=interval, capacity=pods, cell=cell
            )
            milliseconds = tick_milliseconds(detector, given.ticks)
            shape = WindowShape.of(interval)
            megabytes = pods * len(MODEL_FEATURES) * shape.stored * 4 / 1e6
            print(
                f"| {pods:,} | {interval:g} s | {mode} | {milliseconds:.1f} | {megabytes:.1f} |", flush=True
            )


def tick_milliseconds(detector: Detector, ticks: int) -> float:
    """CPU time of one tick, once every pod has a baseline."""
    random = np.random.default_rng(0)
    shape = WindowShape.of(detector.interval_seconds)
    present = np.ones(detector.capacity, bool)
    samples = random.gamma(4.0, 1.0, (16, detector.capacity, len(detector.features)))
    for tick in range(shape.window // 6 + shape.gap + 1):
        detector.observe(samples[tick % 16], present)
    started = time.process_time()
    for tick in range(ticks):
        detector.observe(samples[tick % 16], present)
    return (time.process_time() - started) / ticks * 1e3


if __name__ == "__main__":
    main()
