"""
What goes wrong with pods, injected into ready series *before* they are treated.

So the baselines are contaminated by faults as they are in life. Every fault says which samples it makes
abnormal (FAULT) and which are nobody's to judge (IGNORED): its settling, its invisible beginning, what
other pods suffer from it. Levels are drawn relative to what the pod and its cluster usually need.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.training.cluster import CPU, FAULT, IGNORED, MEMORY, NETWORK, Draft, Event, Rng, Values

TYPICAL_SECONDS: Final = 210.0
LENGTH_SPREAD: Final = 0.5
SHORTEST_SECONDS: Final = 100.0
LONGEST_SECONDS: Final = 1500.0
"""Lengths of faults: log-normal, as injected ones in published experiments last 2 to 10 minutes."""
TAIL_SECONDS: Final = 60.0
"""A fault still shows for so long after its end, since sources rate over the last minute: still FAULT."""
SETTLING_SECONDS: Final = 60.0
"""After that, so long IGNORED."""
SPACING_SECONDS: Final = 600.0
"""Two faults of one pod are at least so far apart, so that each is one event."""
LEVEL_WINDOW: Final = 60
"""Samples before a fault that say what is usual."""
LEVEL_SHARE: Final = 0.15
"""Share of the cluster's level that makes a fault worth noticing in a pod that is otherwise idle."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a fault strikes and what is usual there."""

    pod: int
    start: int
    end: int
    local: Values
    """(4,): median over the samples before."""
    unit: Values
    """(4,): the smallest change that matters: spread before plus a share of the cluster's level."""

    @property
    def length(self) -> int:
        """Samples."""
        return self.end - self.start


def inject(
    draft: Draft, rng: Rng, *, per_pod_hour: float, first: int, kinds: tuple[str, ...] | None = None
) -> None:
    """
    Inject faults into `draft`, from sample `first` on.

    Args:
        draft: changed in place.
        rng: decides everything.
        per_pod_hour: mean rate; some draws fall on absent or already faulty pods and are dropped.
        first: no fault starts before it.
        kinds: only these of `FAULTS`; None = all, by their weights.
    """
    chosen = {kind: FAULTS[kind] for kind in kinds or FAULTS}
    weights = np.array([weight for weight, _ in chosen.values()])
    victims = np.arange(draft.pods)
    if rng.random() < 0.3:
        # A campaign: the same few pods again and again, as in experiments and as with a bad release.
        victims = rng.choice(victims, min(2, draft.pods), replace=False)
    level = _cluster_level(draft)
    hours = draft.steps * draft.interval_seconds / 3600
    for _ in range(1 + rng.poisson(per_pod_hour * draft.pods * hours)):
        pod = int(rng.choice(victims))
        kind = str(rng.choice(list(chosen), p=weights / weights.sum()))
        if site := _site(draft, rng, pod, first, level):
            draft.faults.append(Event(kind, pod, site.start, chosen[kind][1](draft, rng, site)))


def cpu_hog(draft: Draft, rng: Rng, site: Site) -> int:
    """Something eats CPU, up to a limit or on top; traffic starves."""
    _burn(draft, rng, site, low=3, high=300)
    return _callers_and_labels(draft, rng, site, site.end)


def memory_hog(draft: Draft, rng: Rng, site: Site) -> int:
    """Memory jumps or climbs; it may be killed for it, or be slow to give it back."""
    series, course = draft.values[:, site.pod], str(rng.choice(["plateau", "ramp", "killed", "sticky"]))
    size = site.unit[MEMORY] * _log_uniform(rng, 1.2, 90)
    climb = np.linspace(0.1, 1, site.length) if course == "ramp" else np.ones(site.length)
    climb[0] = rng.uniform(0.2, 1)
    series[site.start : site.end, MEMORY] += size * climb
    if rng.random() < 0.5:
        _burn(draft, rng, site, low=2, high=100)
    killed = site.start + int(rng.integers(1, site.length + 1))
    if course == "killed" and killed < site.end:
        ramp = np.linspace(rng.uniform(0.05, 0.5), 1, site.end - killed)
        series[killed : site.end, CPU] = site.local[CPU] * rng.uniform(0, 2)
        series[killed : site.end, MEMORY] = site.local[MEMORY] * ramp
        series[killed : site.end, NETWORK] *= rng.uniform(0.2, 1.5)
    end = _callers_and_labels(draft, rng, site, site.end)
    if course == "sticky":
        kept = min(draft.steps, site.end + int(rng.uniform(60, 600) / draft.interval_seconds))
        series[site.end : kept, MEMORY] += size * rng.uniform(0.2, 1)
        draft.labels[site.end : kept, site.pod] = IGNORED
    return end


def fast_leak(draft: Draft, rng: Rng, site: Site) -> int:
    """Memory grows evenly for 10 to 40 minutes and is then freed; the first third is nobody's to see."""
    return _leak(draft, rng, site, rng.uniform(600, 2400))


def slow_leak(draft: Draft, rng: Rng, site: Site) -> int:
    """The same over one to two hours: the trailing baseline follows it part of the way."""
    return _leak(draft, rng, site, rng.uniform(3600, 7200))


def level_shift(draft: Draft, rng: Rng, site: Site) -> int:
    """CPU and memory settle at another level; a fault at first, then simply how it is."""
    factor = _log_uniform(rng, 1.6, 6)
    rise = site.unit[[CPU, MEMORY]] * _log_uniform(rng, 2, 20)
    draft.values[site.start :, site.pod, :2] = draft.values[site.start :, site.pod, :2] * factor + rise
    seen = min(draft.steps, site.start + draft.samples(600))
    _label(draft, site.pod, site.start, seen)
    later = draft.labels[seen : min(draft.steps, seen + draft.samples(3600)), site.pod]
    later[later != FAULT] = IGNORED
    return seen


def throttling(draft: Draft, rng: Rng, site: Site) -> int:
    """A ceiling below what the pod needs: CPU flat at the limit, traffic falls."""
    series = draft.values[site.start : site.end, site.pod]
    ceiling = site.local[CPU] * rng.uniform(0.1, 0.6)
    series[:, CPU] = np.minimum(series[:, CPU], ceiling * rng.normal(1, 0.01, site.length))
    series[:, NETWORK] *= rng.uniform(0.2, 0.7)
    return _callers_and_labels(draft, rng, site, site.end)


def pause(draft: Draft, rng: Rng, site: Site) -> int:
    """The process hangs: hardly any CPU, hardly any traffic, memory as it was."""
    draft.values[site.start : site.end, site.pod, CPU] *= rng.uniform(0, 0.1)
    draft.values[site.start : site.end, site.pod, NETWORK] *= rng.uniform(0, 0.15)
    return _callers_and_labels(draft, rng, site, site.end)


def network_loss(draft: Draft, rng: Rng, site: Site) -> int:
    """Packets are lost: little traffic, CPU follows more or less."""
    left = rng.uniform(0, 0.3)
    draft.values[site.start : site.end, site.pod, NETWORK] *= left
    draft.values[site.start : site.end, site.pod, CPU] *= rng.uniform(left, 1.1)
    return _callers_and_labels(draft, rng, site, site.end)


def network_flood(draft: Draft, rng: Rng, site: Site) -> int:
    """Much more traffic at one pod than its replicas have."""
    factor = 1 + _log_uniform(rng, 2, 60) * _envelope(rng, site.length)
    draft.values[site.start : site.end, site.pod, NETWORK] *= factor[:, None]
    draft.values[site.start : site.end, site.pod, CPU] *= rng.uniform(1, 1.8)
    return _callers_and_labels(draft, rng, site, site.end)


FAULTS: Final[dict[str, tuple[float, Callable[[Draft, Rng, Site], int]]]] = {
    # Weights: CPU and memory are what most resource faults of published experiments touch.
    "CpuHog": (3.0, cpu_hog),
    "MemoryHog": (2.5, memory_hog),
    "FastLeak": (1.0, fast_leak),
    "SlowLeak": (0.3, slow_leak),
    "LevelShift": (0.3, level_shift),
    "Throttling": (0.5, throttling),
    "Pause": (0.8, pause),
    "NetworkLoss": (0.8, network_loss),
    "NetworkFlood": (0.8, network_flood),
}


def _site(draft: Draft, rng: Rng, pod: int, first: int, level: Values) -> Site | None:
    seconds = np.clip(
        rng.lognormal(np.log(TYPICAL_SECONDS), LENGTH_SPREAD), SHORTEST_SECONDS, LONGEST_SECONDS
    )
    start = int(rng.integers(max(first, 5), draft.steps - 5))
    end = min(draft.steps, start + max(2, draft.samples(seconds)))
    space = draft.samples(SPACING_SECONDS)
    before = draft.values[max(0, start - LEVEL_WINDOW) : start, pod]
    around = slice(max(0, start - space), end + space)
    if draft.labels[around, pod].any() or not draft.present[max(0, start - space) : end, pod].all():
        return None
    if np.isfinite(before[:, CPU]).sum() < 5 or not np.isfinite(draft.values[start:end, pod, CPU]).all():
        return None
    low, local, high = np.nanquantile(before, [0.25, 0.5, 0.75], axis=0)
    unit = LEVEL_SHARE * level + (high - low)
    unit[MEMORY] = LEVEL_SHARE * level[MEMORY] + 0.1 * local[MEMORY]
    return Site(pod, start, end, local, unit)


def _cluster_level(draft: Draft) -> Values:
    """(4,): median over pods of their medians."""
    seen = np.where(np.isfinite(draft.values), draft.values, 0.0)
    level: Values = np.median(np.median(seen, axis=0), axis=0)
    return level


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _envelope(rng: Rng, length: int) -> Values:
    """(n,) around 1: soft first and last sample, from steady to ragged."""
    shape = np.ones(length)
    shape[0], shape[-1] = rng.uniform(0.1, 1), rng.uniform(0.2, 1)
    return shape * np.exp(rng.normal(0, rng.choice([0.01, 0.1, 0.4]), length))


def _burn(draft: Draft, rng: Rng, site: Site, *, low: float, high: float) -> None:
    series = draft.values[site.start : site.end, site.pod]
    extra = site.unit[CPU] * _log_uniform(rng, low, high) * _envelope(rng, site.length)
    # Under a limit the hog displaces the pod's own work, otherwise it comes on top.
    own = rng.uniform(0, 1) if rng.random() < 0.6 else 1.0
    series[:, CPU] = series[:, CPU] * own + extra
    series[:, NETWORK] *= rng.uniform(0.15, 1.05)
    if rng.random() < 0.2:
        series[:, MEMORY] += site.local[MEMORY] * rng.uniform(0, 0.5)


def _leak(draft: Draft, rng: Rng, site: Site, seconds: float) -> int:
    end = min(draft.steps, site.start + draft.samples(seconds))
    rise = site.unit[MEMORY] * _log_uniform(rng, 2, 25) * (end - site.start) / draft.samples(seconds)
    draft.values[site.start : end, site.pod, MEMORY] += rise * np.linspace(0, 1, end - site.start)
    seen = site.start + (end - site.start) // 3
    draft.labels[site.start : seen, site.pod] = IGNORED
    _label(draft, site.pod, seen, end)
    return end


def _callers_and_labels(draft: Draft, rng: Rng, site: Site, end: int) -> int:
    """Let the other pods suffer a little, sometimes; settle; and label. Returns the end."""
    if rng.random() < 0.35:
        # The fault restarted it: memory settles elsewhere, which is no fault any more.
        later = min(draft.steps, end + draft.samples(rng.uniform(120, 7200)))
        draft.values[end:later, site.pod, MEMORY] *= np.exp(rng.normal(0, 0.3))
    if rng.random() < 0.5:
        others = np.arange(draft.pods) != site.pod
        left = rng.uniform(0.3, 1)
        draft.values[site.start : end, others, NETWORK] *= left
        draft.values[site.start : end, others, CPU] *= rng.uniform(left, 1)
        if rng.random() < 0.5:
            theirs = draft.labels[site.start : end]
            theirs[:, others] = np.where(theirs[:, others] == FAULT, FAULT, IGNORED)
    _label(draft, site.pod, site.start, end)
    return end


def _label(draft: Draft, pod: int, start: int, end: int) -> None:
    tail = min(draft.steps, end + draft.samples(TAIL_SECONDS))
    draft.labels[start:tail, pod] = FAULT
    settling = draft.labels[tail : tail + draft.samples(SETTLING_SECONDS), pod]
    settling[settling != FAULT] = IGNORED
