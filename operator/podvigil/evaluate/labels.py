"""What was wrong when: the labels that scores are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
States = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

FAULT: Final = 1
NORMAL: Final = 0
IGNORED: Final = -1
"""Neither: another pod is at fault, the fault is settling, or the pod is not there."""


@dataclass(frozen=True, slots=True)
class Range:
    """One uninterrupted stretch of time of all pods."""

    states: States
    """(pods, T): `FAULT`, `NORMAL` or `IGNORED`."""
    times: Ints
    """(T,): Unix seconds, not descending."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fault, on one pod or on several at once; what a person wants to be told of."""

    start: float
    """Unix seconds."""
    end: float
    """Unix seconds, inclusive."""
    pods: tuple[int, ...]
    """Rows of the arrays. An alarm on any of them finds the fault."""
    kind: str


@dataclass(frozen=True, slots=True)
class Labels:
    """The ranges that are judged and the faults in them."""

    ranges: tuple[Range, ...]
    events: tuple[Event, ...]
    interval_seconds: float
    pods: int


def label(
    states: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    interval_seconds: float,
    visible: Sequence[Event] | None = None,
    invisible: Sequence[Event] = (),
    absent: npt.ArrayLike | None = None,
    ranges: Sequence[tuple[int, int]] | None = None,
) -> Labels:
    """
    Put labels together.

    Args:
        states: (pods, T) of `FAULT`, `NORMAL`, `IGNORED`.
        times: (T,) Unix seconds.
        visible: faults that count; None: every run of `FAULT` of one pod is one.
        invisible: faults that no scorer of these signals can see; their samples become `IGNORED`, until
            half an interval past their end, since the sample at the end was begun before it.
        absent: (pods, T) True where the pod was not there; becomes `IGNORED`.
        ranges: half-open index ranges to judge; None: all of T.

    Raises: ValueError when the arrays do not fit each other.
    """
    whole = np.array(states, np.int8)
    clock = np.asarray(times, np.int64)
    if whole.ndim != 2 or clock.shape != whole.shape[1:]:
        raise ValueError(f"states {whole.shape} must be (pods, T) and times {clock.shape} (T,)")
    if absent is not None:
        whole[np.asarray(absent, bool)] = IGNORED
    events = tuple(_runs(whole, clock)) if visible is None else tuple(visible)
    for event in invisible:
        inside = (clock >= event.start) & (clock <= event.end + interval_seconds / 2)
        rows = list(event.pods)
        whole[rows] = np.where(inside, IGNORED, whole[rows])
    cut = [(0, len(clock))] if ranges is None else ranges
    return Labels(
        ranges=tuple(Range(whole[:, first:last], clock[first:last]) for first, last in cut),
        events=events,
        interval_seconds=interval_seconds,
        pods=len(whole),
    )


def joined(ranges: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """All samples of all ranges, one after the other, flat."""
    return np.concatenate([values.ravel() for values in ranges])


def runs(flags: Mask) -> list[tuple[int, int]]:
    """Half-open ranges in which a (T,) mask is True."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _runs(states: States, times: Ints) -> list[Event]:
    return [
        Event(float(times[first]), float(times[last - 1]), (pod,), "fault")
        for pod, row in enumerate(states)
        for first, last in runs(row == FAULT)
    ]
