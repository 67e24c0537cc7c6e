#!/usr/bin/env python3
"""The detector that the operator runs, behind a file interface, so that anyone can judge it.

    python benchmarks/detection/scorer.py [--mode LSTM] [--model models] in.npz out.npz

in.npz:  `train_0`, `train_1`, … and `test_0`, `test_1`, …, each (pods, time, features) with the features cpu,
         memory, network receive, network transmit, or the first of them; `interval_s`. NaN = pod absent.
         Optional: `workload` (pods,) integers, the same for replicas, -1 = not known; `ts_train_0`, …,
         `ts_test_0`, … (time,) Unix seconds, rising, of every range or of none. Other arrays are left alone.
out.npz: `train_i` and `test_i` (pods, time) scores, `threshold` at one false alarm per pod-day (NaN: the
         history is too short for one), `fit_s`, `score_s`. Written whole or not at all.

Nothing is known in advance and no sample is seen before its turn: the training ranges are the history of a
warm start, and each test range continues from its end.
"""

import argparse
import copy
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.detector import Detector, Mode
from podvigil.detect.smoothing import FALL
from podvigil.detect.store import Model, ModelError, load_model
from podvigil.detect.threshold import Thresholds, typical
from podvigil.evaluate.npz import EvaluationError, write_npz
from podvigil.evaluate.samples import Samples, read_samples
from podvigil.window.arrays import Array, Mask

FROZEN_SECONDS: Final = 120.0
"""Files repeat the last value of a pod that is gone; two minutes without any change are an absence."""

LEAST_FROZEN: Final = 3

Answer = dict[str, npt.NDArray[Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Score one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.LSTM)
    parser.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "models")
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args(arguments)
    try:
        if not os.path.isdir(given.output.parent):  # before minutes are spent on what cannot be kept
            raise EvaluationError(given.output, "is in a folder that does not exist", "make the folder")
        write_npz(given.output, scored(given.input, given.mode, given.model))
    except (EvaluationError, ModelError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def scored(source: Path, mode: Mode, model_directory: Path) -> Answer:
    """Read, score and return the arrays of the answer. Raises: EvaluationError, ModelError."""
    samples = read_samples(source, widest=len(MODEL_FEATURES))
    return scores_of(samples, mode, load_model(model_directory) if mode is Mode.LSTM else None)


def scores_of(samples: Samples, mode: Mode, model: Model | None) -> Answer:
    """Score what was read; a model for mode LSTM alone."""
    interval, train, test = samples.interval_seconds, samples.train, samples.test
    pods, _, width = train[0].shape
    cell, beta = (model.cell, model.beta) if model else (None, 0.0)
    detector = Detector(
        mode=mode,
        features=MODEL_FEATURES[:width],
        interval_seconds=interval,
        capacity=pods,
        cell=cell,
        beta=beta,
    )
    if samples.workload is not None:
        detector.assign(np.arange(pods), samples.workload, np.full(pods, np.nan))
    started = time.perf_counter()
    history = np.concatenate([by_time(values) for values in train])
    there = np.concatenate([present(values, None, interval) for values in train])
    times = None if samples.train_times is None else np.concatenate(samples.train_times)
    past = detector.warm_start(history, there, times)
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
        when = None if samples.test_times is None else samples.test_times[index]
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


if __name__ == "__main__":
    sys.exit(main())
