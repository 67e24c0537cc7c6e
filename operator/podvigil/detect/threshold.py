"""The threshold for a budget of false alarms, estimated from unlabelled scores of all pods together.

Maxima of 15-minute blocks, pooled over pods, have a tail that falls about exponentially, and faster where it
is rarer than one a day. Two lines are drawn along it. The first starts from the median, which stays where it
is until half of the blocks hold faults that nobody labelled, and falls as tails of other clusters do, corrected
a little by this one's own. The second is this cluster's own tail alone. Hours of history have not seen what a
day brings, so the second counts only as days go by, and only where it is the lower one: a history full of
faults never makes the threshold higher than the first line. One threshold for all pods: one per pod, from its
own history, gives 5 to 90 false alarms per pod-day, since one pod's history is short.

A history is taken as a whole. What comes after a budget was first asked for raises its threshold at once, and lowers
it by half of the way in a day: some quiet hours say little of the rest of a day, and a person forgives a late alarm
sooner than a false one.

The constants are judged by leaving each labelled set out in turn: benchmarks/results/calibration.md.

Memory: two histograms of `BINS` float64 (75 KB) and 12 bytes a pod, whatever the length of the history.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from podvigil.window.arrays import Array, Indices, Mask, grown

BLOCK_SECONDS: Final = 900.0
"""An alarm of 15 minutes is one notification: the unit in which a person counts false alarms."""

DAY_SECONDS: Final = 86_400.0

MEDIAN: Final = 0.5
UPPER: Final = 0.8
"""The tail begins here for the slope of the first line: a fifth of the blocks may hold faults."""
FAR: Final = 0.95
"""Where the second line starts. One block in twenty is rare, and still frequent enough to be counted."""

HIGHEST: Final = 13.0
"""Above every possible score (`score.SCORE_LIMIT` and the network's part)."""

BINS: Final = 5_200
"""0.0025 of a score each: the threshold is off by at most a few hundredths."""

HALF_LIFE_SECONDS: Final = 2 * DAY_SECONDS
"""A block counts half after two days: the threshold follows a new load, and forgets an old incident."""

FALL_HALF_LIFE_SECONDS: Final = DAY_SECONDS
"""A load comes round once a day, so that a lower tail is believed half after one. Judged with others, and with none,
in benchmarks/results/calibration.md."""

MAXIMUM_BUDGETS: Final = 8
"""Budgets that are followed; a monitor has two, its dial and the one that probabilities are counted from."""

MIN_BLOCKS: Final = 24.0
"""Six pod-hours. The median decides at first, and 24 blocks are enough for one."""

MIN_PERIODS: Final = 4
"""Blocks in time (an hour): a thousand pods in one quarter of an hour are one observation of the load."""

LEAST: Final = float(np.arcsinh(3.0))
"""Three spreads (1.82): however quiet a cluster, less is not abnormal to anyone."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Quantiles of the block maxima."""

    median: float
    upper: float
    """`UPPER`."""
    far: float
    """`FAR`."""
    days: float
    """Of history, however many pods: half a day of a thousand pods is half a day of load."""


class BlockMaxima:
    """Pooled maxima of 15-minute blocks; `push` one tick of scores at a time."""

    def __init__(self, *, interval_seconds: float, capacity: int) -> None:
        if not (np.isfinite(interval_seconds) and interval_seconds > 0):
            raise ValueError(f"interval must be a positive number of seconds, not {interval_seconds}")
        self._length = max(1, int(BLOCK_SECONDS / interval_seconds))
        self._block_seconds = self._length * interval_seconds
        self._decay = 0.5 ** (self._block_seconds / HALF_LIFE_SECONDS)
        self._fall = 1 - 0.5 ** (self._block_seconds / FALL_HALF_LIFE_SECONDS)
        self._held: dict[float, float] = {}
        """By budget, from when it was first asked for: what was pushed before that is taken as a whole."""
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
        if self._ticks == self._length and self._close():
            self._settle()

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
        if budget not in self._held:
            if (tail := self.tail) is None:
                return None
            if len(self._held) >= MAXIMUM_BUDGETS:
                self._held.clear()
            self._held[budget] = tail_threshold(tail, budget, blocks_per_day=self.blocks_per_day)
        return self._held[budget]

    def _settle(self) -> None:
        """Follow the tail of one more block: up at once, down by a step."""
        if (tail := self.tail) is None:
            return
        for budget, before in self._held.items():
            now = tail_threshold(tail, budget, blocks_per_day=self.blocks_per_day)
            self._held[budget] = max(now, before + self._fall * (now - before))

    @property
    def tail(self) -> Tail | None:
        """Of all blocks so far: what the threshold is drawn from; None while it is too little."""
        if self._blocks < MIN_BLOCKS or self._periods < MIN_PERIODS:
            return None
        return Tail(
            self._quantile(MEDIAN),
            self._quantile(UPPER),
            self._quantile(FAR),
            days=self._periods * self._block_seconds / DAY_SECONDS,
        )

    @property
    def blocks_per_day(self) -> float:
        """96, a little more or less where samples do not divide a quarter of an hour."""
        return DAY_SECONDS / self._block_seconds

    def _close(self) -> bool:
        """End the block: pool the maxima of the pods that were scored for half of it, and say if there were any."""
        counted = 2 * self._scored >= self._length
        bins = np.clip(self._highest[counted] * (BINS / HIGHEST), 0, BINS - 1).astype(np.intp)
        self._counts *= self._decay
        self._counts += np.bincount(bins, minlength=BINS)
        self._blocks += bins.size
        self._periods += bool(bins.size)
        self._highest[:] = -np.inf
        self._scored[:] = 0
        self._ticks = 0
        return bool(bins.size)

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
    def tails(self) -> tuple[Tail | None, Tail | None]:
        """What the two thresholds are drawn from: by their hour alone, and with a known season."""
        hour, season = self._kinds
        return hour.tail, season.tail

    @property
    def blocks_per_day(self) -> float:
        """See `BlockMaxima.blocks_per_day`."""
        return self._kinds[0].blocks_per_day

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


def typical(thresholds: Array, scored: Mask) -> float:
    """The one threshold to show, of (slots,): that of the kind that most scored pods are of, of a tie the higher.

    Slots of pods that are gone have no season, and say nothing of those that are there.
    """
    of = thresholds[scored] if scored.any() else thresholds
    return float(np.quantile(of, 0.5, method="higher"))


@dataclass(frozen=True, slots=True)
class TailRule:
    """The constants of the estimate. Slopes are in score per factor e of rarity.

    On the asinh scale an exponential tail is a power law of the deviation itself, of index 1 / slope.
    """

    usual: float = 0.65
    """Slope from the median to one alarm a day in the normal samples of the labelled sets: .58 to .78."""
    own: float = 0.4
    """How far the slope seen between `MEDIAN` and `UPPER` counts against `usual`. A few hours' slope says
    little of the hours after them."""
    steepest: float = 0.8
    """Steeper is not noise but a history full of faults."""
    rare: float = 0.5
    """Share of the slope that is left beyond one alarm per pod-day: what bursts is bounded, and tails bend."""
    trusted: float = 1.0
    """Days of history after which a cluster's own tail counts half, and after three times as many nine tenths: one
    without a night and a morning knows little of tails."""


RULE: Final = TailRule()


def tail_threshold(tail: Tail, budget: float, *, blocks_per_day: float, rule: TailRule = RULE) -> float:
    """The level that a pod's block maxima exceed `budget` times a day, at least `LEAST`."""
    rarity = np.log(blocks_per_day) + (rule.rare if budget < 1 else 1) * -np.log(budget)
    seen = (tail.upper - tail.median) / np.log((1 - MEDIAN) / (1 - UPPER))
    slope = min(rule.steepest, rule.usual + rule.own * (seen - rule.usual))
    first = tail.median + slope * (rarity + np.log(1 - MEDIAN))
    own_slope = min(rule.steepest, (tail.far - tail.median) / np.log((1 - MEDIAN) / (1 - FAR)))
    second = tail.far + own_slope * (rarity + np.log(1 - FAR))
    trust = tail.days**2 / (rule.trusted**2 + tail.days**2)
    return max(LEAST, float(first - trust * max(0.0, first - second)))
