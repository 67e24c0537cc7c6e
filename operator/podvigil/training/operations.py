"""What happens to healthy pods: restarts, rollouts, scaling, lost scrapes. None of it is a fault."""

from collections.abc import Callable
from typing import Final

import numpy as np

from podvigil.training.cluster import CPU, MEMORY, NETWORK, Draft, Event, Rng

PER_CLUSTER: Final = 1.5
"""Mean number of operations in one generated cluster of a few hours."""


def operate(draft: Draft, rng: Rng) -> None:
    """Do a random number of random operations to `draft`."""
    for _ in range(rng.poisson(PER_CLUSTER)):
        kind = str(rng.choice(list(OPERATIONS)))
        pod = int(rng.integers(draft.pods))
        start = int(rng.integers(draft.steps // 3, draft.steps - 10))
        if draft.present[start, pod]:
            end = OPERATIONS[kind](draft, rng, pod, start)
            draft.operations.append(Event(kind, pod, start, end))


def warm_up(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Let a pod start: CPU high and falling, memory filling, traffic arriving. Returns the end."""
    end = min(draft.steps, start + draft.samples(rng.uniform(30, 240)))
    ramp = np.linspace(0, 1, max(1, end - start))
    series = draft.values[:, pod]
    series[start:end, CPU] += np.nanmean(series[:, CPU]) * np.exp(rng.uniform(-1, 2.2)) * (1 - 0.9 * ramp)
    low = rng.uniform(0.2, 1)
    series[start:end, MEMORY] *= low + (1 - low) * ramp
    low = rng.uniform(0, 1)
    series[start:end, NETWORK] *= (low + (1 - low) * ramp)[:, None]
    return end


def restart(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Restart a container: some silence, or the last value repeated until the exporter notices."""
    back = min(draft.steps, start + int(rng.uniform(0, 400) / draft.interval_seconds))
    _silence(draft, rng, pod, start, back)
    draft.values[back:, pod, MEMORY] *= rng.uniform(0.5, 1.05)
    return warm_up(draft, rng, pod, back)


def scale_up(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Let a pod be new at `start`; the other replicas share their load with it."""
    draft.present[:start, pod] = False
    others = [other for other in draft.replicas(pod) if other != pod]
    for other in others:
        _scale_work(draft, other, start, len(others) / (len(others) + 1))
    return warm_up(draft, rng, pod, start)


def roll_out(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Replace the first half of a workload by the second, or (a StatefulSet) each pod by itself."""
    replicas = draft.replicas(pod)
    change = np.exp(rng.normal(0, 0.2, draft.values.shape[2]))
    end = start
    if len(replicas) > 1 and rng.random() < 0.6:
        half = len(replicas) // 2
        for old in replicas[:half]:
            gone = min(draft.steps, start + int(rng.uniform(15, 300) / draft.interval_seconds))
            draft.present[gone:, old] = False
        for new in replicas[half:]:
            born = min(draft.steps - 1, start + int(rng.uniform(0, 200) / draft.interval_seconds))
            draft.present[:born, new] = False
            draft.values[born:, new] *= change
            end = max(end, warm_up(draft, rng, new, born))
        return end
    for each in replicas:
        down = min(draft.steps - 1, start + int(rng.uniform(0, 300) / draft.interval_seconds))
        back = min(draft.steps, down + draft.samples(rng.uniform(15, 200)))
        draft.present[down:back, each] = False
        draft.values[back:, each] *= change
        end = max(end, warm_up(draft, rng, each, back))
    return end


def remove(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Delete a pod for good; its replicas take over its load."""
    del rng
    draft.present[start:, pod] = False
    others = [other for other in draft.replicas(pod) if other != pod]
    for other in others:
        _scale_work(draft, other, start, (len(others) + 1) / len(others))
    return draft.steps


def rebalance(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Move load from one pod to another for good."""
    other, share = int(rng.integers(draft.pods)), rng.uniform(0.3, 0.9)
    _scale_work(draft, pod, start, share)
    _scale_work(draft, other, start, 1 / share)
    return draft.steps


def lose_scrapes(draft: Draft, rng: Rng, pod: int, start: int) -> int:
    """Lose all samples for a while: the source was down, no pod was."""
    del pod
    end = min(draft.steps, start + draft.samples(rng.uniform(60, 600)))
    draft.values[start:end] = np.nan
    return end


def _scale_work(draft: Draft, pod: int, start: int, factor: float) -> None:
    draft.values[start:, pod, CPU] *= factor
    draft.values[start:, pod, NETWORK] *= factor


def _silence(draft: Draft, rng: Rng, pod: int, start: int, end: int) -> None:
    frozen = (
        min(end, start + int(rng.uniform(0, 120) / draft.interval_seconds)) if rng.random() < 0.5 else start
    )
    draft.values[start:frozen, pod] = draft.values[start - 1, pod]
    draft.values[frozen:end, pod] = np.nan


OPERATIONS: Final[dict[str, Callable[[Draft, Rng, int, int], int]]] = {
    "Restart": restart,
    "ScaleUp": scale_up,
    "Rollout": roll_out,
    "Removal": remove,
    "Rebalance": rebalance,
    "ScrapeGap": lose_scrapes,
}
