"""The file that a scorer reads, as docs/evaluation.md specifies it: what does not keep to it is told, never guessed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from podvigil.evaluate.labels import Floats
from podvigil.evaluate.npz import Arrays, read_npz

WANTED: Final = r"interval_s|workload|(ts_)?(train|test)_[0-9]+"

SHORTEST_SECONDS: Final = 1e-6
LONGEST_SECONDS: Final = 1e7
"""Four months between two samples. Beyond either bound an hour's window cannot be counted in samples."""

STEPS: Final = (0.5, 10.0)
"""Of `interval_s`, what the median step of the times may be. Gaps make single steps longer; no file is mostly gaps."""

FEWEST_STEPS: Final = 3
"""Fewer say nothing about the median: one of them may be a gap."""

_SECONDS: Final = "write Unix seconds, rising"


@dataclass(frozen=True, slots=True)
class Samples:
    """What there is to score."""

    interval_seconds: float
    train: tuple[Floats, ...]
    """The ranges of the history, each (pods, T, features); NaN = no sample. At least one sample in all."""
    test: tuple[Floats, ...]
    """What comes after it, in the same form; each range continues from the end of the history."""
    train_times: tuple[Floats, ...] | None
    """(T,) Unix seconds of each range, rising but for clocks that are set back; None: the file names no times."""
    test_times: tuple[Floats, ...] | None
    """The same. Recordings may be split so that a range to judge lies before the history."""
    workload: tuple[int | None, ...] | None
    """Of each pod, the same for replicas; None = not known."""


def read_samples(path: Path, *, widest: int) -> Samples:
    """
    Read what is to be scored.

    Args: widest: how many features the scorer takes at most.

    Raises: EvaluationError.
    """
    arrays = read_npz(path, WANTED)
    interval = _interval(arrays)
    train, test = _ranges(arrays, widest)
    train_times, test_times = _times(arrays, interval, train, test)
    return Samples(
        interval_seconds=interval,
        train=train,
        test=test,
        train_times=train_times,
        test_times=test_times,
        workload=_workload(arrays, len(train[0])),
    )


def _interval(arrays: Arrays) -> float:
    interval = arrays.number("interval_s")
    if not SHORTEST_SECONDS <= interval <= LONGEST_SECONDS:
        raise arrays.error(
            f"`interval_s` is {interval}",
            f"write the seconds between samples, {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g}",
        )
    return interval


def _ranges(arrays: Arrays, widest: int) -> tuple[tuple[Floats, ...], tuple[Floats, ...]]:
    train, test = arrays.numbered("train"), arrays.numbered("test")
    first = train[0] if train else arrays.numbers("train_0")
    if first.ndim != 3 or not len(first):
        raise arrays.error(f"`train_0` is {first.shape}", "write (pods, time, features), at least one pod")
    pods, _, width = first.shape
    if not 1 <= width <= widest:
        raise arrays.error(
            f"`train_0` has {width} features", f"write the first 1 to {widest} of those in docs/evaluation.md"
        )
    for name, ranges in (("train", train), ("test", test)):
        for index, values in enumerate(ranges):
            if values.ndim != 3 or values.shape[::2] != (pods, width):
                raise arrays.error(
                    f"`{name}_{index}` is {values.shape}, `train_0` {first.shape}",
                    f"write ({pods} pods, time, {width} features) for both",
                )
    if not sum(values.shape[1] for values in train):
        raise arrays.error(
            f"`train_0` is {first.shape}, a history without a sample", "write one sample or more"
        )
    return (
        tuple(np.asarray(values, np.float64) for values in train),
        tuple(np.asarray(values, np.float64) for values in test),
    )


def _times(
    arrays: Arrays, interval: float, train: tuple[Floats, ...], test: tuple[Floats, ...]
) -> tuple[tuple[Floats, ...] | None, tuple[Floats, ...] | None]:
    """Read the times of all samples; None unless there are any."""
    ranges = {f"train_{index}": values for index, values in enumerate(train)}
    ranges |= {f"test_{index}": values for index, values in enumerate(test)}
    timed = [f"{kind}_{index}" for kind in ("train", "test") for index in arrays.indices(f"ts_{kind}")]
    if not timed:
        return None, None
    # With some times only, what lies between the last sample that has one and the first that has none is unknown.
    if odd := [name for name in timed if name not in ranges]:
        raise arrays.error(f"has `ts_{odd[0]}`, but no `{odd[0]}`", "write both, or leave both out")
    if odd := [name for name in ranges if name not in timed]:
        raise arrays.error(
            f"has `ts_{timed[0]}`, but no `ts_{odd[0]}`", "write the times of every range, or of none"
        )
    times = {name: _rising(arrays, f"ts_{name}", interval, values) for name, values in ranges.items()}
    return (
        tuple(times[f"train_{index}"] for index in range(len(train))),
        tuple(times[f"test_{index}"] for index in range(len(test))),
    )


def _rising(arrays: Arrays, name: str, interval: float, values: Floats) -> Floats:
    times: Floats = arrays.moments(name).astype(np.float64)
    if times.shape != values.shape[1:2]:
        raise arrays.error(
            f"`{name}` is {times.shape}", f"write one time for each of {values.shape[1]} samples"
        )
    steps = np.diff(times)
    is_short = len(steps) < FEWEST_STEPS
    if steps.size and (steps.min() if is_short else np.median(steps)) <= 0:
        raise arrays.error(f"`{name}` does not rise", _SECONDS)
    if is_short:
        return times
    typical = float(np.median(steps)) / interval
    if not STEPS[0] <= typical <= STEPS[1]:
        raise arrays.error(
            f"`{name}` steps by {typical * interval:g}, and `interval_s` is {interval:g}",
            "write both in seconds: Unix seconds, not milliseconds",
        )
    return times


def _workload(arrays: Arrays, pods: int) -> tuple[int | None, ...] | None:
    if "workload" not in arrays:
        return None
    numbers = arrays.numbers("workload")
    if numbers.shape != (pods,):
        raise arrays.error(f"`workload` is {numbers.shape}", f"write one number for each of {pods} pods")
    odd = numbers[~np.isfinite(numbers) | (np.floor(numbers) != numbers)]
    if odd.size:
        raise arrays.error(f"`workload` holds {odd[0]}", "write integers, -1 for what is not known")
    return tuple(None if number < 0 else int(number) for number in numbers.tolist())
