"""
Makes clusters: lifelike series of pods with ordinary operations and injected faults, from a seed.

The detector learns nothing from any cluster it is later judged on. What is generated is meant to be
*various* rather than true to one system: units, sizes, noise, intervals, missing features and
the share of faults all vary by orders of magnitude.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import MODEL_FEATURES
from podvigil.training.cluster import CPU, MEMORY, NETWORK, Cluster, Draft, Rng, Values, empty_features
from podvigil.training.faults import inject
from podvigil.training.load import cluster_load, correlation, wandering
from podvigil.training.operations import operate

INTERVALS_SECONDS: Final = {5.0: 0.05, 10.0: 0.1, 15.0: 0.45, 30.0: 0.2, 60.0: 0.2}
"""Scrape intervals in use, and how often each is drawn."""
FEWEST_STEPS: Final = 500
MOST_STEPS: Final = 800
HISTORY_SHARE: Final = 0.4
"""Share of a cluster that is history; a cluster of 15 s samples then starts with over an hour of it."""
SHORT_INTERVAL_SECONDS: Final = 10.0
"""At and below, clusters get twice the samples, or they would end within the trailing hour."""
FAULTS_PER_POD_HOUR: Final = (0.08, 0.25, 0.5)
"""One is drawn per cluster: the network must neither need nor expect many."""
FAULTY_HISTORY_SHARE: Final = 0.3
"""Share of clusters whose history holds faults too."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What may vary in a generated cluster."""

    shapes: tuple[Values, ...] = ()
    """Recorded load curves that may stand in for generated ones."""
    kinds: tuple[str, ...] | None = None
    """Only these faults; None = all, () = none. Leaving some out shows what the network knows beyond them."""


ANYTHING: Final = Recipe()
"""Generated load, every kind of fault."""


def generate(rng: Rng, recipe: Recipe = ANYTHING) -> Cluster:
    """Return one cluster of some hours: same generator state and recipe, same cluster."""
    interval = float(rng.choice(list(INTERVALS_SECONDS), p=list(INTERVALS_SECONDS.values())))
    steps = int(rng.integers(FEWEST_STEPS, MOST_STEPS)) * (2 if interval <= SHORT_INTERVAL_SECONDS else 1)
    history = int(steps * HISTORY_SHARE)
    workload = _workloads(rng)
    values = _series(rng, steps, interval, workload, cluster_load(rng, steps, interval, recipe.shapes))
    draft = Draft.quiet(values, workload, interval, history)
    operate(draft, rng)
    return with_faults(draft, rng, recipe)


def with_faults(draft: Draft, rng: Rng, recipe: Recipe) -> Cluster:
    """Inject a random amount of faults and finish; for generated and for recorded series alike."""
    first = 0 if rng.random() < FAULTY_HISTORY_SHARE else draft.history
    per_pod_hour = float(rng.choice(FAULTS_PER_POD_HOUR))
    if recipe.kinds != ():
        inject(draft, rng, per_pod_hour=per_pod_hour, first=first, kinds=recipe.kinds)
    if rng.random() < 0.4:
        # A source without traffic, or (cAdvisor behind some runtimes) without its second direction.
        draft.values[:, :, empty_features(int(rng.integers(2, len(MODEL_FEATURES))))] = np.nan
    return draft.finished()


def _workloads(rng: Rng) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(P,): 6 to about 24 pods in workloads of one to six replicas."""
    sizes: list[int] = []
    pods = int(rng.integers(6, 20))
    while sum(sizes) < pods:
        sizes.append(int(rng.choice([1, 1, 2, 3, 4, 6])))
    return np.repeat(np.arange(len(sizes)), sizes)


def _series(
    rng: Rng, steps: int, interval: float, workload: np.ndarray[tuple[int], np.dtype[np.int64]], load: Values
) -> Values:
    """(T, P, 4) of healthy pods."""
    pods, count = len(workload), int(workload.max()) + 1
    memory = correlation(rng, interval)
    values = np.zeros((steps, pods, len(MODEL_FEATURES)))
    # Typical sizes of a whole cluster differ by orders of magnitude, and so do its workloads.
    cores, mebibytes, traffic = np.exp(rng.normal([np.log(0.05), np.log(90), np.log(2e3)], [1.6, 1.0, 2.0]))
    own_load = np.exp(wandering(rng, steps, memory, rng.uniform(0, 0.3), count))
    size = np.exp(rng.normal(0, 1.2, count))
    held = np.exp(rng.normal(0, 0.8, count))
    talk = np.exp(rng.normal(0, 0.5, (count, 2)))
    busy = np.exp(rng.uniform(np.log(0.02), np.log(0.6)))
    for pod in range(pods):
        group = workload[pod]
        jitter = np.exp(wandering(rng, steps, rng.uniform(0, 0.6), busy * rng.uniform(0.3, 1.5))[:, 0])
        work = load * own_load[:, group] ** 0.7 * jitter
        if rng.random() < 0.1:
            work = np.exp(wandering(rng, steps, 0.3, 0.1)[:, 0])  # takes no part in the traffic
        share = size[group] * np.exp(rng.normal(0, 0.15))
        values[:, pod, CPU] = cores * _cpu(rng, work, share, interval)
        values[:, pod, MEMORY] = mebibytes * 2**20 * held[group] * _memory(rng, steps, interval)
        for way in range(2):
            noise = np.exp(rng.normal(0, rng.uniform(0.02, 0.4), steps))
            rate = traffic * share * talk[group, way] * work * noise
            if rng.random() < 0.15:  # single transfers: backups, image pulls, large answers
                rate = rate * np.where(rng.random(steps) < interval / 7200, np.exp(rng.uniform(0.5, 2.5)), 1)
            values[:, pod, 2 + way] = rate
    return _rated(rng, values, interval)


def _cpu(rng: Rng, work: Values, share: float, interval: float) -> Values:
    steps, idle = len(work), rng.uniform(0, 0.5)
    cpu = idle + (1 - idle) * work ** rng.uniform(0.6, 1.2)
    cpu = cpu * np.exp(rng.normal(0, rng.uniform(0.02, 0.35), steps))
    if rng.random() < 0.25:  # now and then a sample with nothing but the idle part
        cpu = np.where(rng.random(steps) < 0.97, cpu, 0) + idle
    if rng.random() < 0.3:  # garbage collection, JIT: short, irregular, recurring
        for start in np.flatnonzero(rng.random(steps) < interval / rng.uniform(600, 5400)):
            end = start + int(rng.integers(1, max(2, int(60 / interval))))
            cpu[start:end] += np.exp(rng.uniform(0, 2.5)) * rng.uniform(0.4, 1)
    if rng.random() < 0.1:  # a job inside the pod, every so many minutes
        period, length = int(rng.uniform(600, 3600) / interval), max(1, int(rng.uniform(30, 180) / interval))
        phase = (np.arange(steps) + rng.integers(period)) % period
        cpu = cpu + np.exp(rng.uniform(0, 2.5)) * (phase < length)
    return np.asarray(share * cpu)


def _memory(rng: Rng, steps: int, interval: float) -> Values:
    hours = np.arange(steps) * interval / 3600
    memory = 1 + wandering(rng, steps, 0.9, rng.choice([0.001, 0.01, 0.04]))[:, 0]
    if rng.random() < 0.4:  # caches fill slowly
        memory += rng.uniform(0, 0.25) * hours / rng.uniform(2, 12)
    if rng.random() < 0.3:  # garbage collection: a saw
        memory *= 1 + rng.uniform(0.02, 0.3) * ((hours * 3600 / rng.uniform(300, 3600) + rng.random()) % 1)
    for _ in range(rng.poisson(0.4)):
        memory[rng.integers(0, steps) :] *= np.exp(rng.normal(0, 0.15))
    return np.asarray(memory * np.exp(rng.normal(0, 0.1)))


def _rated(rng: Rng, values: Values, interval: float) -> Values:
    """Blur short intervals as `rate(…[1m])` does: a mean over the last samples."""
    width = int(rng.choice([1, 2, 4]))
    if interval > 20 or width == 1:
        return values
    padded = np.concatenate([np.repeat(values[:1], width - 1, axis=0), values])
    views = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    blurred = values.copy()
    rated = [CPU, *range(NETWORK.start, NETWORK.stop)]
    blurred[..., rated] = views.mean(axis=-1)[..., rated]
    return blurred
