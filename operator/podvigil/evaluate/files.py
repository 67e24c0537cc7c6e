"""The two files that `podvigil evaluate` reads. docs/evaluation.md is their specification."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL, Event, Floats, Labels, label
from podvigil.evaluate.npz import Arrays, read_npz

STATES: Final = (FAULT, NORMAL, IGNORED)

LABELS: Final = "y|ts|faults|pods|test|interval_s|meta|X"
SCORES: Final = r"(test|train)_[0-9]+|threshold"

T = TypeVar("T")


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
    arrays = read_npz(path, LABELS)
    states, times = _states(arrays), _times(arrays)
    pods = len(states)
    if times.shape != states.shape[1:]:
        raise arrays.error(
            f"`ts` has {times.shape} times and `y` {states.shape} (pods, T) labels",
            "write one time per column of `y`",
        )
    interval = _interval(arrays, times)
    visible, invisible = None, []
    if "faults" in arrays:
        faults = _faults(arrays, pods)
        visible = [event for event, resource in faults if resource or every_fault]
        invisible = [event for event, resource in faults if not (resource or every_fault)]
    labels = label(
        states,
        times,
        interval_seconds=interval,
        visible=visible,
        invisible=invisible,
        absent=_absent(arrays, states.shape),
        ranges=_ranges(arrays, len(times)),
    )
    if all((stretch.states == IGNORED).all() for stretch in labels.ranges):
        raise arrays.error(
            "no sample is labelled normal or at fault: by `y`, `X` or `faults`, all are ignored",
            "label at least one that is judged",
        )
    return labels


def read_scores(path: Path, labels: Labels) -> Scores:
    """Read scores that fit the labels. Raises: EvaluationError."""
    arrays = read_npz(path, SCORES)
    test, train = _scores(arrays, "test"), _scores(arrays, "train")
    wanted = [stretch.states.shape for stretch in labels.ranges]
    if len(test) != len(wanted):
        raise arrays.error(
            f"has {len(test)} arrays `test_0`, `test_1`, …, and the labels {len(wanted)} ranges",
            "write the scores of every range of `test` in the labels, numbered from 0",
        )
    for index, (scores, shape) in enumerate(zip(test, wanted, strict=True)):
        if scores.shape != shape:
            hint = " (it looks transposed)" if scores.shape == shape[::-1] else ""
            raise arrays.error(
                f"`test_{index}` is {scores.shape}, and its labels {shape}{hint}",
                "write (pods, T), pods in the order of the labels",
            )
        if np.isnan(scores).all():
            raise arrays.error(f"`test_{index}` is NaN throughout", "score at least one sample")
    for index, scores in enumerate(train):
        if scores.ndim != 2 or len(scores) != labels.pods:
            raise arrays.error(
                f"`train_{index}` is {scores.shape}", f"write ({labels.pods} pods, T), or leave it out"
            )
    return Scores(tuple(test), tuple(train), _threshold(arrays))


def _states(arrays: Arrays) -> npt.NDArray[np.int8]:
    states = arrays.numbers("y")
    if states.ndim != 2 or not states.size:
        raise arrays.error(f"`y` is {states.shape}", "write (pods, T) with at least one of each")
    if np.isnan(states).any():
        pod, tick = np.argwhere(np.isnan(states))[0]
        raise arrays.error(f"`y` is NaN at pod {pod}, sample {tick}", "write -1 for what is to be ignored")
    odd = states[~np.isin(states, STATES)]
    if odd.size:
        raise arrays.error(f"`y` holds {odd[0]}", "write 1 = fault, 0 = normal, -1 = ignore")
    return states.astype(np.int8)


def _times(arrays: Arrays) -> npt.NDArray[np.int64]:
    times = arrays.moments("ts").astype(np.float64)
    if times.ndim != 1:
        raise arrays.error(f"`ts` is {times.shape}", "write (T,) Unix seconds")
    if (np.diff(times) < 0).any():
        raise arrays.error(
            f"`ts` goes back at sample {int(np.argmax(np.diff(times) < 0)) + 1}",
            "sort the samples by time",
        )
    return times.astype(np.int64)


def _interval(arrays: Arrays, times: npt.NDArray[np.int64]) -> float:
    if "interval_s" in arrays:
        named: float | None = arrays.number("interval_s")
    else:
        named = _decoded(arrays, "meta", Meta).interval_s if "meta" in arrays else None
    interval = float(np.median(np.diff(times))) if named is None and len(times) > 1 else named
    if interval is None or not (np.isfinite(interval) and interval > 0):
        raise arrays.error(f"the interval is {interval}", "write `interval_s`, a positive number of seconds")
    return interval


def _faults(arrays: Arrays, count: int) -> list[tuple[Event, bool]]:
    if "pods" not in arrays or arrays.array("pods").shape != (count,):
        raise arrays.error("names faults by pod, but no pods", f"write `pods`, {count} names")
    try:
        rows = {str(name): row for row, name in enumerate(arrays.array("pods"))}
    except ValueError as error:  # numpy holds characters that Unicode does not have
        raise arrays.error(f"`pods` holds what is no text: {error}", "write the names of the pods") from error
    events = []
    for index, fault in enumerate(_decoded(arrays, "faults", list[Fault])):
        names = fault.pods or [fault.pod]
        if unknown := [name for name in names if name not in rows]:
            raise arrays.error(
                f"`faults[{index}]` is on {unknown[0]!r}, which is not in `pods`",
                "name a pod, or take it out",
            )
        if not fault.start <= fault.end:
            raise arrays.error(f"`faults[{index}]` ends before it starts", "write Unix seconds")
        event = Event(fault.start, fault.end, tuple(rows[name] for name in names), fault.type)
        events.append((event, fault.resource))
    return events


def _decoded(arrays: Arrays, name: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(str(arrays.array(name)), type=kind)
    # The other two: nested thousands deep, and text that is none, such as half of a pair of surrogates.
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise arrays.error(
            f"`{name}` is not the JSON it should be: {error}", "see docs/evaluation.md"
        ) from error


def _ranges(arrays: Arrays, length: int) -> list[tuple[int, int]] | None:
    if "test" not in arrays:
        return None
    cut = arrays.numbers("test")
    fits = cut.ndim == 2 and cut.shape[1:] == (2,) and len(cut) > 0
    if not fits or any(not 0 <= first < last <= length for first, last in cut) or (cut % 1).any():
        raise arrays.error(
            f"`test` is {cut.tolist()}",
            f"write rows (first, last + 1) within 0 to {length}, or leave it out",
        )
    return [(int(first), int(last)) for first, last in cut]


def _scores(arrays: Arrays, prefix: str) -> list[Floats]:
    return [scores.astype(np.float64) for scores in arrays.numbered(prefix)]


def _threshold(arrays: Arrays) -> float | None:
    value = arrays.number("threshold") if "threshold" in arrays else np.nan
    return None if np.isnan(value) else value


def _absent(arrays: Arrays, wanted: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
    if "X" not in arrays:
        return None
    values = arrays.numbers("X")
    if values.ndim != 3 or values.shape[:2] != wanted or not values.shape[2]:
        raise arrays.error(
            f"`X` is {values.shape}, `y` {wanted}",
            "write (pods, T, features) with at least one feature, or leave it out",
        )
    return np.asarray(~np.isfinite(values).any(axis=2))
