"""The scoring state of one monitor: the detector, the pooled threshold, and how old each slot is.

Everything here runs on the scorer's own thread; nothing here knows a clock, a network or a name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from kubernetes.utils.quantity import parse_quantity

from podvigil.api.features import Feature
from podvigil.api.monitor import DetectionSpec, ModelMode
from podvigil.detect.detector import Detector, Mode, Scores
from podvigil.detect.probability import CALIBRATION_BUDGET, UNFITTED, ProbabilityCurve
from podvigil.detect.store import Model
from podvigil.detect.threshold import Thresholds, typical
from podvigil.settings import Settings
from podvigil.window.arrays import Array, Indices, Mask, grown

SETTLING_SECONDS: Final = 300.0
"""A pod known for less cannot open an incident: until then its baseline has no gap before now, and a start
or a rollout is no anomaly."""

HOLD_RATIO: Final = 0.8
"""An open incident is held open down to this share of what opens one: the width of the hysteresis."""


@dataclass(frozen=True, slots=True)
class Dial:
    """When a pod is abnormal, as the user set it."""

    false_alarms_per_pod_day: float
    probability: float | None = None
    """Set: decides alone. None: the budget of false alarms does."""

    @classmethod
    def of(cls, spec: DetectionSpec, settings: Settings) -> Self:
        """Read the dial of a monitor; what it leaves open the settings decide."""
        budget, probability = settings.false_alarms_per_pod_day, settings.anomaly_threshold
        if spec.false_alarms_per_pod_day is not None:
            budget, probability = float(parse_quantity(spec.false_alarms_per_pod_day)), None
        if spec.threshold_permille is not None:
            probability = spec.threshold_permille / 1000
        return cls(budget, probability)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One tick's scores, and what the dial makes of them. Arrays are indexed by slot."""

    scores: Scores
    probability: Array
    """0 to 1; NaN = not scored, or no threshold yet."""
    threshold: float | None
    """The score from which most pods are abnormal; None while too little was seen to know. Pods whose habits
    are not known yet have a threshold of their own (`detect.threshold.Thresholds`)."""
    over: Mask
    held: Mask
    """At least nearly over: keeps an open incident open."""
    settled: Mask

    @property
    def known(self) -> Mask:
        """The slots that have a score; the others are unknown, never normal."""
        return np.isfinite(self.scores.score)


class Scoring:
    """Scores one monitor's pods, tick by tick."""

    def __init__(
        self,
        *,
        mode: ModelMode,
        model: Model | None,
        features: tuple[Feature, ...],
        interval_seconds: float,
        capacity: int,
        dial: Dial,
    ) -> None:
        """Start cold; without a model the mode LSTM falls back to the statistics."""
        self.features = features
        effective = Mode(mode.value) if model or mode is not ModelMode.LSTM else Mode.STATISTICS
        self._detector = Detector(
            mode=effective,
            features=features,
            interval_seconds=interval_seconds,
            capacity=capacity,
            cell=model.cell if model else None,
            **({"beta": model.beta} if model else {}),
        )
        self._curve: ProbabilityCurve = model.probability if model else UNFITTED
        self._thresholds = Thresholds(interval_seconds=interval_seconds, capacity=capacity)
        self._dial = dial
        self._interval = interval_seconds
        self._ticks_known = np.zeros(capacity, np.int64)

    def introduce(self, slots: list[int], workloads: list[str], started: list[float]) -> None:
        """Say whose pods these slots are (the workload's uid), and when they started (Unix seconds)."""
        if slots:
            self._detector.assign(np.array(slots, np.intp), workloads, np.array(started))

    @property
    def has_habits(self) -> bool:
        """Whether days of the past would be of use."""
        return self._detector.has_habits

    def teach(
        self, values: Array, workloads: Sequence[str | None], times: Array, slots: Sequence[int]
    ) -> None:
        """Fill the habits in from the past, (ticks, series, features).

        Args:
            workloads: the uid of each series' workload. times: (ticks,) Unix seconds. slots: of each series' pod,
                -1 = gone.
        """
        self._detector.teach(values, workloads, times, np.array(slots, np.intp))

    def warm_start(self, history: Array, present: Mask, times: Array | None = None) -> None:
        """Learn from the past, shapes (ticks, capacity, features), (ticks, capacity) and (ticks,) Unix seconds."""
        past = self._detector.warm_start(history, present, times)
        self._thresholds.push_history(past.score, past.habitual)
        self._ticks_known += np.isfinite(past.score).sum(axis=0)

    def fit(self, capacity: int) -> None:
        """Make room for new slots."""
        if capacity > self._detector.capacity:
            self._detector.grow(capacity)
            self._ticks_known = grown(self._ticks_known, capacity, 0)

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        if slots.size:
            self._detector.release(slots)
            self._thresholds.release(slots)
            self._ticks_known[slots] = 0

    def adopt(self, slot: int, siblings: list[int]) -> None:
        """Judge a new pod by the replica that is known longest, until it has a past of its own."""
        known = [s for s in siblings if s != slot and self._ticks_known[s] > 0]
        if known:
            oldest = max(known, key=lambda s: int(self._ticks_known[s]))
            self._detector.adopt(np.array([slot], np.intp), np.array([oldest], np.intp))

    def skip(self, ticks: int) -> None:
        """Let samples pass that nobody took."""
        if ticks > 0:
            self._detector.skip(ticks)

    def score(self, values: Array, present: Mask, at: float | None = None) -> Verdict:
        """Judge one sample of all pods, shapes (capacity, features) and (capacity,), taken at Unix second `at`.

        None: one interval after the last.
        """
        self.fit(len(present))
        scores = self._detector.observe(values, present, at)
        self._thresholds.push(scores.score, scores.habitual)
        known = np.isfinite(scores.score)
        self._ticks_known += known
        return self._verdict(scores, known)

    def _verdict(self, scores: Scores, known: Mask) -> Verdict:
        settled = self._ticks_known * self._interval >= SETTLING_SECONDS
        calibrated = self._thresholds.of(scores.habitual, CALIBRATION_BUDGET)
        if calibrated is None:
            nobody = np.zeros(known.shape, bool)
            return Verdict(scores, np.full(known.shape, np.nan), None, nobody, nobody, settled)
        probability = self._curve.at(scores.score, calibrated)
        if self._dial.probability is not None:
            # A model is never surer than its curve's end: a higher wish would silence it for good.
            wanted = min(self._dial.probability, float(self._curve.probability[-1]))
            margin = float(np.interp(wanted, self._curve.probability, self._curve.margin))
            over = known & (probability >= wanted)
            held = known & (probability >= HOLD_RATIO * wanted)
            return Verdict(scores, probability, typical(calibrated + margin, known), over, held, settled)
        threshold = self._thresholds.of(scores.habitual, self._dial.false_alarms_per_pod_day)
        assert threshold is not None, "the budget does not change whether there are enough blocks"
        over = known & (scores.score >= threshold)
        held = known & (scores.score >= HOLD_RATIO * threshold)
        return Verdict(scores, probability, typical(threshold, known), over, held, settled)
