#!/usr/bin/env python3
"""The detector that the operator runs, behind a file interface, so that anyone can judge it.

    python benchmarks/detection/scorer.py [--mode LSTM] [--model models] in.npz out.npz

in.npz:  `train_0`, `train_1`, … and `test_0`, `test_1`, …, each (pods, time, features) with the features cpu,
         memory, network receive, network transmit, or the first of them; `interval_s`. NaN = pod absent.
         Optional: `workload` (pods,) integers, the same for replicas, -1 = not known; `ts_train_0`, …,
         `ts_test_0`, … (time,) Unix seconds. Other arrays are left alone.
out.npz: `train_i` and `test_i` (pods, time) scores, `threshold` at one false alarm per pod-day (NaN: the
         history is too short for one), `fit_s`, `score_s`.

Nothing is known in advance and no sample is seen before its turn: the training ranges are the history of a
warm start, and each test range continues from its end.
"""

import argparse
import copy
import re
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.smoothing import FALL
from podvigil.detect.store import load_model
from podvigil.detect.threshold import Thresholds, typical
from podvigil.window.arrays import Array, Mask

FROZEN_SECONDS: Final = 120.0
"""Files repeat the last value of a pod that is gone; two minutes without any change are an absence."""

LEAST_FROZEN: Final = 3

Answer = dict[str, npt.NDArray[Any]]


def main() -> int:
    """Score one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.LSTM)
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "models")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    try:
        answer = scored(given.input, given.mode, given.model)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        print(f"{given.input}: {error}", file=sys.stderr)
        return 2
    with given.output.open("wb") as out:
        np.savez(out, allow_pickle=False, **answer)
    return 0


def scored(source: Path, mode: Mode, model_directory: Path) -> Answer:
    """Read, score and return the arrays of the answer."""
    with np.load(source, allow_pickle=False) as file:
        if "interval_s" not in file or "train_0" not in file:
            raise ValueError("needs the arrays interval_s and train_0")
        interval = float(file["interval_s"])
        train, test = _ranges(file, "train"), _ranges(file, "test")
        train_times, test_times = _times(file, "train", train), _times(file, "test", test)
        workload = np.asarray(file["workload"], np.intp) if "workload" in file else None
    pods, _, width = train[0].shape
    if not 1 <= width <= len(MODEL_FEATURES):
        raise ValueError(f"train_0 has {width} features; this takes the first 1 to {len(MODEL_FEATURES)}")
    for name, ranges in (("train", train), ("test", test)):
        for index, values in enumerate(ranges):
            if values.ndim != 3 or values.shape[::2] != (pods, width):
                raise ValueError(
                    f"{name}_{index} is {values.shape}, not ({pods} pods, time, {width} features)"
                )

    if workload is not None and workload.shape != (pods,):
        raise ValueError(f"workload is {workload.shape}, not ({pods} pods,)")

    model = load_model(model_directory) if mode is Mode.LSTM else None
    cell, beta = (model.cell, model.beta) if model else (None, 0.0)
    detector = Detector(
        mode=mode,
        features=MODEL_FEATURES[:width],
        interval_seconds=interval,
        capacity=pods,
        cell=cell,
        beta=beta,
    )
    if workload is not None:
        names = [None if number < 0 else number for number in workload.tolist()]
        detector.assign(np.arange(pods), names, np.full(pods, np.nan))
    started = time.perf_counter()
    history = np.concatenate([by_time(values) for values in train])
    there = np.concatenate([present(values, None, interval) for values in train])
    past = detector.warm_start(history, there, None if train_times is None else np.concatenate(train_times))
    maxima = Thresholds(interval_seconds=interval, capacity=pods)
    maxima.push_history(past.score, past.habitual)
    # A file has room for one threshold: that of the kind that most pods are of.
    thresholds = maxima.of(past.habitual[-1], 1.0)
    threshold = None if thresholds is None else typical(thresholds, np.isfinite(past.score[-1]))
    warm = time.perf_counter()

    answer: Answer = {"threshold": np.array(np.nan if threshold is None else threshold)}
    ends = np.cumsum([values.shape[1] for values in train])[:-1]
    for index, scores in enumerate(np.split(past.score, ends)):
        answer[f"train_{index}"] = fading(scores).T
    for index, values in enumerate(test):
        # The network holds no state, and its interpreter cannot be copied: all copies share it.
        watch = copy.deepcopy(detector, {id(cell): cell})
        flags = present(values, train[-1], interval)
        when = None if test_times is None else test_times[index]
        scores = watch.run(by_time(values), flags, when).score
        answer[f"test_{index}"] = fading(scores.reshape(flags.shape)).T
    answer["fit_s"] = np.array(warm - started)
    answer["score_s"] = np.array(time.perf_counter() - warm)
    return answer


def by_time(values: Array) -> Array:
    """(pods, time, features) to (time, pods, features)."""
    return values.transpose(1, 0, 2)


def present(values: Array, before: Array | None, interval_seconds: float) -> Mask:
    """Whether each pod is there at each time, (time, pods); `before` is what came earlier, or None.

    Files know nothing of pods. Absent is what is NaN, zero or frozen in all features at once; a frozen
    stretch counts from when it has lasted, since before that a stream could not know.
    """
    least = max(LEAST_FROZEN, round(FROZEN_SECONDS / interval_seconds))
    joined = values if before is None else np.concatenate([before[:, -least - 1 :], values], axis=1)
    nothing = (~np.isfinite(joined) | (joined == 0)).all(axis=2)
    same = nothing.copy()
    same[:, 1:] |= (joined[:, 1:] == joined[:, :-1]).all(axis=2)
    run = np.zeros(len(joined), int)
    absent = np.empty_like(same)
    for tick in range(same.shape[1]):
        run = np.where(same[:, tick], run + 1, 0)
        absent[:, tick] = nothing[:, tick] | (run >= least)
    return ~absent[:, -values.shape[1] :].T if values.shape[1] else np.empty((0, len(values)), bool)


def fading(scores: Array) -> Array:
    """Fill what was not scored, (time, pods), by the last score as it would fall: files have no "unknown"."""
    filled = scores.copy()
    last = np.zeros(scores.shape[1])
    for row in filled:
        last = np.where(np.isnan(row), last * (1 - FALL), row)
        row[:] = last
    return filled


def _ranges(file: Mapping[str, npt.NDArray[Any]], prefix: str) -> list[Array]:
    numbers = sorted(int(name[len(prefix) + 1 :]) for name in file if re.fullmatch(rf"{prefix}_\d+", name))
    return [np.asarray(file[f"{prefix}_{number}"], np.float64) for number in numbers]


def _times(file: Mapping[str, npt.NDArray[Any]], prefix: str, ranges: list[Array]) -> list[Array] | None:
    """The optional Unix seconds of every sample; None unless every range has them."""
    names = [f"ts_{prefix}_{number}" for number in range(len(ranges))]
    if not all(name in file for name in names):
        return None
    times: list[Array] = [np.asarray(file[name], np.float64) for name in names]
    for name, moments, values in zip(names, times, ranges, strict=True):
        if moments.shape != values.shape[1:2] or not np.isfinite(moments).all():
            raise ValueError(
                f"{name} is {moments.shape}, not one finite second for {values.shape[1]} samples"
            )
    return times


if __name__ == "__main__":
    sys.exit(main())
