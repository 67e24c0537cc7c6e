"""The threshold for a budget of false alarms, estimated from unlabelled scores of all pods together.

Maxima of 15-minute blocks, pooled over pods, have a tail that falls about exponentially; a line through
their 50 % and 80 % quantiles reaches the budget. Those two quantiles do not move while up to a fifth of
the blocks hold faults that nobody labelled. One threshold for all pods: a threshold per pod from its own
history gives 5 to 90 false alarms per pod-day, since one pod's history is short.

Memory: two histograms of `BINS` float64 (75 KB) and 12 bytes a pod, whatever the length of the history.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array, Indices, Mask, grown

BLOCK_SECONDS: Final = 900.0
"""An alarm of 15 minutes is one notification: the unit in which a person counts false alarms."""

DAY_SECONDS: Final = 86_400.0

LOWER: Final = 0.5
UPPER: Final = 0.8

HIGHEST: Final = 13.0
"""Above every possible score (`score.SCORE_LIMIT` and the network's part)."""

BINS: Final = 5_200
"""0.0025 of a score each: the threshold is off by at most a few hundredths."""

HALF_LIFE_SECONDS: Final = 2 * DAY_SECONDS
"""A block counts half after two days: the threshold follows a new load, and forgets an old incident."""

MIN_BLOCKS: Final = 96.0
"""One pod-day, the unit of the budget. The upper fifth are then 19 blocks, enough for a quantile."""

MIN_PERIODS: Final = 4
"""Blocks in time (an hour): a thousand pods in one quarter of an hour are one observation of the load."""

LEAST: Final = float(np.arcsinh(3.0))
"""Three spreads (1.82): however quiet a cluster, less is not abnormal to anyone."""


class BlockMaxima:
    """Pooled maxima of 15-minute blocks; `push` one tick of scores at a time."""

    def __init__(self, *, interval_seconds: float, capacity: int) -> None:
        if not (np.isfinite(interval_seconds) and interval_seconds > 0):
            raise ValueError(f"interval must be a positive number of seconds, not {interval_seconds}")
        self._length = max(1, int(BLOCK_SECONDS / interval_seconds))
        self._block_seconds = self._length * interval_seconds
        self._decay = 0.5 ** (self._block_seconds / HALF_LIFE_SECONDS)
        self._counts = np.zeros(BINS)
        self._blocks = 0.0  # without decay: how much was ever seen
        self._periods = 0
        self._ticks = 0
        self._highest: Array = np.full(capacity, -np.inf)
        self._scored: npt.NDArray[np.int32] = np.zeros(capacity, np.int32)

    @property
    def blocks(self) -> int:
        """Blocks seen so far, pooled over pods."""
        return int(self._blocks)

    def push(self, scores: Array) -> None:
        """Take one tick, shape (slots,), NaN = not scored. More slots than before are taken as new ones."""
        if len(scores) > len(self._highest):
            self._highest = grown(self._highest, len(scores), -np.inf)
            self._scored = grown(self._scored, len(scores), 0)
        scored = np.isfinite(scores)
        self._highest[scored] = np.maximum(self._highest[scored], scores[scored])
        self._scored += scored
        self._ticks += 1
        if self._ticks == self._length:
            self._close()

    def push_history(self, scores: Array) -> None:
        """Take a warm start's scores, shape (ticks, slots), oldest first."""
        for tick in scores:
            self.push(tick)

    def release(self, slots: Indices) -> None:
        """Another pod takes these slots: what the last one scored in this block is dropped."""
        slots = slots[slots < len(self._highest)]  # given while no tick was pushed: nothing to drop
        self._highest[slots] = -np.inf
        self._scored[slots] = 0

    def threshold(self, false_alarms_per_pod_day: float) -> float | None:
        """The score above which a pod alarms about that often while nothing is wrong.

        None while there are fewer than `MIN_BLOCKS` blocks or `MIN_PERIODS` periods: until then nothing
        may be called abnormal. Raises ValueError unless the budget is positive and finite.
        """
        budget = false_alarms_per_pod_day
        if not (np.isfinite(budget) and budget > 0):
            raise ValueError(
                f"the budget must be a positive number of false alarms per pod-day, not {budget}"
            )
        if self._blocks < MIN_BLOCKS or self._periods < MIN_PERIODS:
            return None
        return tail_threshold(
            self._quantile(LOWER), self._quantile(UPPER), budget, DAY_SECONDS / self._block_seconds
        )

    def _close(self) -> None:
        """End the block: pool the maxima of the pods that were scored for half of it."""
        counted = 2 * self._scored >= self._length
        bins = np.clip(self._highest[counted] * (BINS / HIGHEST), 0, BINS - 1).astype(np.intp)
        self._counts *= self._decay
        self._counts += np.bincount(bins, minlength=BINS)
        self._blocks += bins.size
        self._periods += bool(bins.size)
        self._highest[:] = -np.inf
        self._scored[:] = 0
        self._ticks = 0

    def _quantile(self, share: float) -> float:
        """Quantile of the pooled maxima, linear within its bin."""
        cumulated = np.cumsum(self._counts)
        wanted = share * cumulated[-1]
        bin_ = int(np.searchsorted(cumulated, wanted))
        before = cumulated[bin_ - 1] if bin_ else 0.0
        return float((bin_ + (wanted - before) / self._counts[bin_]) * HIGHEST / BINS)


class Thresholds:
    """One threshold for pods whose habits are known, and one for those judged by their hour alone.

    The two kinds of score have different tails: under one threshold the new workloads would alarm too
    often, or the known ones too rarely.
    """

    def __init__(self, *, interval_seconds: float, capacity: int) -> None:
        self._kinds = tuple(
            BlockMaxima(interval_seconds=interval_seconds, capacity=capacity) for _ in range(2)
        )

    @property
    def blocks(self) -> int:
        """Blocks seen so far, of both kinds."""
        return sum(kind.blocks for kind in self._kinds)

    def push(self, scores: Array, habitual: Mask) -> None:
        """Take one tick, shapes (slots,), NaN = not scored."""
        for known, kind in enumerate(self._kinds):
            kind.push(np.where(habitual == bool(known), scores, np.nan))

    def push_history(self, scores: Array, habitual: Mask) -> None:
        """Take a warm start's scores, shapes (ticks, slots), oldest first."""
        for tick, known in zip(scores, habitual, strict=True):
            self.push(tick, known)

    def release(self, slots: Indices) -> None:
        """Another pod takes these slots."""
        for kind in self._kinds:
            kind.release(slots)

    def of(self, habitual: Mask, false_alarms_per_pod_day: float) -> Array | None:
        """The threshold of each slot; None while neither kind has one.

        A kind that has none yet borrows the other's: the tail of the hour alone is the heavier one, so a
        season that is new alarms rather too rarely; and where all habits are known nobody is judged by
        his hour for long.
        """
        hour, season = (kind.threshold(false_alarms_per_pod_day) for kind in self._kinds)
        if hour is None and season is None:
            return None
        known = [one for one in (hour, season) if one is not None]
        return np.where(habitual, known[-1], known[0])


STEEPEST: Final = 0.75
"""Score per factor e of rarity, at most. On the asinh scale an exponential tail is a power law of the
deviation itself, here one of index 4/3; heavier is not noise but a history full of faults. Then the upper
quantile is theirs too, and the line is drawn from the lower one at this slope."""


def tail_threshold(lower: float, upper: float, budget: float, blocks_per_day: float) -> float:
    """The level that a pod's block maxima exceed `budget` times a day, at least `LEAST`.

    Args:
        lower, upper: the `LOWER` and `UPPER` quantiles of the block maxima.
    """
    slope = min(STEEPEST, (upper - lower) / np.log((1 - LOWER) / (1 - UPPER)))
    return max(LEAST, float(lower + slope * np.log((1 - LOWER) * blocks_per_day / budget)))
