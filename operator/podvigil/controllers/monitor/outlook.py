"""What is to come of a monitor's pods: how their memory grew, and when it reaches its limit.

Kept beside the scores, since a forecast looks back a day and a half and must not start anew with them.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey
from podvigil.api.signals import Signal
from podvigil.controllers.monitor.select import Selection
from podvigil.controllers.monitor.vitals import Change, PodRows
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import forecast
from podvigil.detect.growth import GrowthLadder
from podvigil.window.arrays import Array, grown

MAXIMUM_ASKED: Final = 500
"""Pods asked about in one tick, the worst first: about 0.2 CPU-seconds; a report shows the first to reach it."""


class Outlook:
    """The ladders of one monitor's pods."""

    def __init__(self, interval_seconds: float, capacity: int) -> None:
        self._interval = interval_seconds
        self._ladder = GrowthLadder(interval_seconds=interval_seconds, capacity=capacity)
        self._ended: Array = np.full(capacity, np.nan)
        self.is_new = True
        """Nothing was observed yet."""

    def place(self, selection: Selection, rows: PodRows, change: Change) -> None:
        """Follow the slots; a container that ended gives its memory back, and what follows is another story."""
        if rows.capacity > self._ladder.capacity:
            self._ladder.grow(rows.capacity)
            self._ended = grown(self._ended, rows.capacity, np.nan)
        if change.released.size:
            self._ladder.release(change.released)
            self._ended[change.released] = np.nan
        restarted = []
        for key, pod in selection.pods.items():
            ended = pod.last_termination
            if ended is None or ended.finished is None:
                continue
            slot = rows.slot(key)
            if slot is not None and self._ended[slot] != ended.finished:
                self._ended[slot] = ended.finished
                restarted.append(slot)
        if restarted:
            self._ladder.release(np.array(restarted, np.intp))

    def warm_start(self, memory: Array, times: Array) -> None:
        """Begin with a history, shapes (ticks, slots) and (ticks,) in Unix seconds, oldest first."""
        for values, time in zip(memory, times, strict=True):
            self._ladder.push(np.where(time <= self._ended, np.nan, values))
        self.is_new = False

    def skip(self, ticks: int) -> None:
        """Let samples pass that nobody took."""
        if ticks > 0:
            self._ladder.skip(ticks)

    def observe(self, memory: Array) -> None:
        """Take one sample, (slots,) bytes; NaN = none."""
        self._ladder.push(memory)
        self.is_new = False

    def foresee(self, found: tuple[Finding, ...], selection: Selection, rows: PodRows) -> tuple[Finding, ...]:
        """Return the findings with what is foretold of their pods."""
        slots = {f.pod: slot for f in found if _asks(f) and (slot := rows.slot(f.pod)) is not None}
        asked = list(slots)[:MAXIMUM_ASKED]
        answers = forecast(
            self._ladder,
            np.array([slots[pod] for pod in asked], np.intp),
            np.array([_memory_limit(selection, pod) for pod in asked], np.float64),
            feature=Feature.MEMORY,
            interval_seconds=self._interval,
        )
        foretold = {pod: answer for pod, answer in zip(asked, answers, strict=True) if answer is not None}
        return tuple(
            replace(f, forecast=foretold[f.pod]) if _asks(f) and f.pod in foretold else f for f in found
        )


def _asks(finding: Finding) -> bool:
    """Whether memory is to be foretold beside it: what fills a volume has a forecast of its own."""
    return finding.signal is not Signal.VOLUME_FILLING


def _memory_limit(selection: Selection, pod: PodKey) -> float:
    limit = selection.pods[pod].memory_limit_bytes
    return np.nan if limit is None else limit
