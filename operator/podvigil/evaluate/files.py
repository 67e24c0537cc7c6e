"""The two files that `podvigil evaluate` reads. docs/evaluation.md is their specification."""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL, Event, Floats, Labels, label

Arrays = Mapping[str, npt.NDArray[Any]]

STATES: Final = (FAULT, NORMAL, IGNORED)

T = TypeVar("T")


class EvaluationError(Exception):
    """A file that cannot be judged: which, what is wrong with which array, and how to mend it."""

    def __init__(self, where: Path, what: str, mend: str) -> None:
        super().__init__(f"{where}: {what}; {mend}")
        self.where = where
        self.what = what
        self.mend = mend


class Fault(msgspec.Struct, frozen=True):
    """One entry of `faults`; further keys are left alone."""

    start: float
    end: float
    pod: str = ""
    pods: Annotated[list[str], msgspec.Meta(max_length=100_000)] = []
    type: str = "fault"
    resource: bool = True
    """Whether it leaves a trace in CPU, memory or network at all."""


class Meta(msgspec.Struct, frozen=True):
    """The part of `meta` that matters here."""

    interval_s: float | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a scorer wrote."""

    test: tuple[Floats, ...]
    """Per range (pods, T)."""
    train: tuple[Floats, ...]
    """Per range of its history (pods, T); may be empty."""
    threshold: float | None
    """None: the file names none, or NaN, which says that there was too little history for one."""


def read_labels(path: Path, *, every_fault: bool = False) -> Labels:
    """
    Read labels.

    Args: every_fault: count faults marked `"resource": false` too, rather than ignore their samples.

    Raises: EvaluationError.
    """
    arrays = _arrays(path)
    states, times = _states(path, arrays), _times(path, arrays)
    pods = len(states)
    if times.shape != states.shape[1:]:
        raise EvaluationError(
            path,
            f"`ts` has {times.shape} times and `y` {states.shape} (pods, T) labels",
            "write one time per column of `y`",
        )
    interval = _interval(path, arrays, times)
    visible, invisible = None, []
    if "faults" in arrays:
        faults = _faults(path, arrays, pods)
        visible = [event for event, resource in faults if resource or every_fault]
        invisible = [event for event, resource in faults if not (resource or every_fault)]
    absent = None
    if "X" in arrays:
        values = arrays["X"]
        if values.ndim != 3 or values.shape[:2] != states.shape:
            raise EvaluationError(
                path,
                f"`X` is {values.shape}, `y` {states.shape}",
                "write (pods, T, features), or leave it out",
            )
        absent = ~np.isfinite(values).any(axis=2)
    return label(
        states,
        times,
        interval_seconds=interval,
        visible=visible,
        invisible=invisible,
        absent=absent,
        ranges=_ranges(path, arrays, len(times)),
    )


def read_scores(path: Path, labels: Labels) -> Scores:
    """Read scores that fit the labels. Raises: EvaluationError."""
    arrays = _arrays(path)
    test, train = _numbered(path, arrays, "test"), _numbered(path, arrays, "train")
    wanted = [stretch.states.shape for stretch in labels.ranges]
    if len(test) != len(wanted):
        raise EvaluationError(
            path,
            f"has {len(test)} arrays `test_0`, `test_1`, …, and the labels {len(wanted)} ranges",
            "write the scores of every range of `test` in the labels, numbered from 0",
        )
    for index, (scores, shape) in enumerate(zip(test, wanted, strict=True)):
        if scores.shape != shape:
            hint = " (it looks transposed)" if scores.shape == shape[::-1] else ""
            raise EvaluationError(
                path,
                f"`test_{index}` is {scores.shape}, and its labels {shape}{hint}",
                "write (pods, T), pods in the order of the labels",
            )
        if np.isnan(scores).all():
            raise EvaluationError(path, f"`test_{index}` is NaN throughout", "score at least one sample")
    for index, scores in enumerate(train):
        if scores.ndim != 2 or len(scores) != labels.pods:
            raise EvaluationError(
                path, f"`train_{index}` is {scores.shape}", f"write ({labels.pods} pods, T), or leave it out"
            )
    return Scores(tuple(test), tuple(train), _threshold(path, arrays))


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise EvaluationError(path, "holds a single array", "write it with numpy.savez")
        with file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise EvaluationError(
            path, f"cannot be read ({error.strerror or error})", "name a file written by numpy.savez"
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise EvaluationError(
            path, f"is no npz file of plain arrays ({error})", "write it with numpy.savez"
        ) from error


def _states(path: Path, arrays: Arrays) -> npt.NDArray[np.int8]:
    states = _needed(path, arrays, "y")
    if states.ndim != 2 or not states.size:
        raise EvaluationError(path, f"`y` is {states.shape}", "write (pods, T) with at least one of each")
    if np.isnan(states).any():
        pod, tick = np.argwhere(np.isnan(states))[0]
        raise EvaluationError(
            path, f"`y` is NaN at pod {pod}, sample {tick}", "write -1 for what is to be ignored"
        )
    odd = states[~np.isin(states, STATES)]
    if odd.size:
        raise EvaluationError(path, f"`y` holds {odd[0]}", "write 1 = fault, 0 = normal, -1 = ignore")
    return states.astype(np.int8)


def _times(path: Path, arrays: Arrays) -> npt.NDArray[np.int64]:
    times = _needed(path, arrays, "ts")
    if times.ndim != 1 or not np.isfinite(times).all():
        raise EvaluationError(path, f"`ts` is {times.shape} or holds NaN", "write (T,) Unix seconds")
    if (np.diff(times) < 0).any():
        raise EvaluationError(
            path,
            f"`ts` goes back at sample {int(np.argmax(np.diff(times) < 0)) + 1}",
            "sort the samples by time",
        )
    return times.astype(np.int64)


def _needed(path: Path, arrays: Arrays, name: str) -> npt.NDArray[Any]:
    if name not in arrays:
        there = ", ".join(sorted(arrays)) or "none"
        raise EvaluationError(path, f"has no array `{name}` (it has: {there})", "see docs/evaluation.md")
    if arrays[name].dtype.kind not in "biuf":
        raise EvaluationError(
            path, f"`{name}` holds {arrays[name].dtype}, not numbers", "see docs/evaluation.md"
        )
    return arrays[name]


def _interval(path: Path, arrays: Arrays, times: npt.NDArray[np.int64]) -> float:
    if "interval_s" in arrays:
        named: float | None = float(_needed(path, arrays, "interval_s").ravel()[0])
    else:
        named = _decoded(path, "meta", arrays, Meta).interval_s if "meta" in arrays else None
    interval = float(np.median(np.diff(times))) if named is None and len(times) > 1 else named
    if interval is None or not (np.isfinite(interval) and interval > 0):
        raise EvaluationError(
            path, f"the interval is {interval}", "write `interval_s`, a positive number of seconds"
        )
    return interval


def _faults(path: Path, arrays: Arrays, count: int) -> list[tuple[Event, bool]]:
    if "pods" not in arrays or arrays["pods"].shape != (count,):
        raise EvaluationError(path, "names faults by pod, but no pods", f"write `pods`, {count} names")
    rows = {str(name): row for row, name in enumerate(arrays["pods"])}
    events = []
    for index, fault in enumerate(_decoded(path, "faults", arrays, list[Fault])):
        names = fault.pods or [fault.pod]
        if unknown := [name for name in names if name not in rows]:
            raise EvaluationError(
                path,
                f"`faults[{index}]` is on {unknown[0]!r}, which is not in `pods`",
                "name a pod, or take it out",
            )
        if not fault.start <= fault.end:
            raise EvaluationError(path, f"`faults[{index}]` ends before it starts", "write Unix seconds")
        event = Event(fault.start, fault.end, tuple(rows[name] for name in names), fault.type)
        events.append((event, fault.resource))
    return events


def _decoded(path: Path, name: str, arrays: Arrays, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(str(arrays[name]), type=kind)
    except msgspec.DecodeError as error:
        raise EvaluationError(
            path, f"`{name}` is not the JSON it should be: {error}", "see docs/evaluation.md"
        ) from error


def _ranges(path: Path, arrays: Arrays, length: int) -> list[tuple[int, int]] | None:
    if "test" not in arrays:
        return None
    cut = _needed(path, arrays, "test")
    fits = cut.ndim == 2 and cut.shape[1:] == (2,) and len(cut) > 0
    if not fits or any(not 0 <= first < last <= length for first, last in cut):
        raise EvaluationError(
            path,
            f"`test` is {cut.tolist()}",
            f"write rows (first, last + 1) within 0 to {length}, or leave it out",
        )
    return [(int(first), int(last)) for first, last in cut]


def _numbered(path: Path, arrays: Arrays, prefix: str) -> list[Floats]:
    numbers = sorted(int(found[1]) for name in arrays if (found := re.fullmatch(rf"{prefix}_(\d+)", name)))
    if numbers != list(range(len(numbers))):
        raise EvaluationError(path, f"has `{prefix}_` {numbers}", "number them 0, 1, 2, … without a gap")
    return [_needed(path, arrays, f"{prefix}_{number}").astype(np.float64) for number in numbers]


def _threshold(path: Path, arrays: Arrays) -> float | None:
    if "threshold" not in arrays:
        return None
    value = _needed(path, arrays, "threshold")
    if value.size != 1:
        raise EvaluationError(path, f"`threshold` is {value.shape}", "write a single number")
    return None if np.isnan(value).all() else float(value.ravel()[0])
