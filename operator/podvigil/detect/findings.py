"""What one tick found: pods in trouble, as the incident rules take them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import MODEL_SIGNALS, Signal
from podvigil.detect.explain import FeatureShare
from podvigil.detect.forecast import LimitForecast


@dataclass(frozen=True, slots=True)
class Finding:
    """One pod in one kind of trouble at one tick."""

    pod: PodKey
    workload: Workload
    signal: Signal
    over: bool
    """Reaches the alarm's threshold; False: only what keeps an open incident open."""
    probability: float
    """0 to 1, calibrated; 1 for what was seen and not estimated."""
    score: float | None = None
    """The detector's score; None for a deterministic signal."""
    settled: bool = True
    """The pod is known long enough to open an incident; a start or a rollout is no anomaly."""
    explanation: tuple[FeatureShare, ...] = ()
    evidence: tuple[str, ...] = ()
    """What was seen, in short sentences."""
    at_limit: bool = False
    """What is at its end is there already: a volume is full."""
    forecast: LimitForecast | None = None
    """When the pod's memory reaches its limit, or its volume is full; None: there is no limit, it does not grow, or
    nothing sound can be said."""

    @property
    def estimated(self) -> bool:
        """Whether a model says so, rather than the cluster itself."""
        return self.score is not None


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one tick says about trouble."""

    findings: tuple[Finding, ...]
    scored: Mapping[str, int] = field(default_factory=dict)
    """By workload uid: pods whose metrics could be judged. Empty when the metrics source gave nothing."""
    with_volumes: Mapping[str, int] = field(default_factory=dict)
    """By workload uid: pods of which a volume was seen."""
    running: Mapping[str, int] = field(default_factory=dict)
    """By workload uid: pods that the API server told of. Empty when it gave nothing."""
    existing: frozenset[str] | None = None
    """Uids of the workloads that have a pod; None when the cluster could not be asked."""
    unjudged: frozenset[tuple[Signal, PodKey]] = frozenset()
    """Pods of known incidents that are there, and could not be judged: not seen is not well."""
    ended: frozenset[str] = frozenset()
    """Uids of the workloads whose pods have all ended: Jobs that are done."""
    unmounted: frozenset[str] = frozenset()
    """Uids of the workloads that have pods and no claim, as far as volumes could be seen."""
    rollouts: Mapping[str, datetime] = field(default_factory=dict)
    """By workload uid: when its newest revision was made, where that is known."""


def model_signal(explanation: tuple[FeatureShare, ...]) -> Signal | None:
    """Name the trouble by the feature that made most of the score; None when nothing explains it."""
    if not explanation:
        return None
    first = explanation[0]
    return MODEL_SIGNALS.get((first.feature, first.deviation > 0))
