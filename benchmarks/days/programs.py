"""What runs in a cluster: programs of a few archetypes, drawn from ranges, on some nodes.

The ranges are what such programs take in ordinary installations (a web server of a few milliseconds a request, a
cache of gigabytes); each is wide, since a detector should not depend on it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from days.render import FLAT
from days.world import DAY, HOUR, MEBIBYTE, Job, Pod, Rng, Workload, log_uniform

FEWEST_WORKLOADS: Final = 4
MOST_WORKLOADS: Final = 8
FEWEST_PODS: Final = 14
MOST_PODS: Final = 23
"""A namespace or two of a small team. At the first sample; rollouts add rows, since pods get new names."""

NODES: Final = (3, 6)

LIMIT_TO_PEAK: Final = (2.0, 4.0)
"""CPU limit over the peak's need: teams leave a factor of two to four, by published usage of requests."""
MEMORY_HEADROOM: Final = (1.3, 2.2)
"""Memory limit over what is used: less generous, since memory is what nodes run out of."""


def programs(rng: Rng) -> list[Workload]:
    """Draw the workloads: one of each that every system has, then more of the usual ones."""
    hour = float(rng.uniform(10, 20))  # local; offices peak before noon, shops and games in the evening
    weekend = float(rng.choice([rng.uniform(0.35, 0.9), rng.uniform(1.05, 1.4)], p=[0.7, 0.3]))
    while True:
        count = int(rng.integers(FEWEST_WORKLOADS, MOST_WORKLOADS + 1))
        needed = ["web", "jvm", "database", FLAT]
        chosen = needed + list(rng.choice(["web", "jvm", "cache", "worker", "worker"], count - len(needed)))
        found = [_program(rng, str(archetype), hour, weekend) for archetype in chosen]
        if FEWEST_PODS <= sum(one.replicas for one in found) <= MOST_PODS:
            return found


def first_pods(rng: Rng, workloads: list[Workload], nodes: int) -> list[Pod]:
    """Draw the pods that are there at first, replicas on nodes one after the other as a scheduler spreads them."""
    pods = []
    for number, workload in enumerate(workloads):
        first = int(rng.integers(nodes))
        for replica in range(workload.replicas):
            weight = replica_weight(rng)
            if workload.archetype == "database" and replica == 0:
                weight *= rng.uniform(1.8, 3.0)  # it alone writes
            pods.append(Pod(number, (first + replica) % nodes, weight, from_start=True))
    return pods


def replica_weight(rng: Rng) -> float:
    """Draw a replica's share of the load: long connections leave it some per cent off the mean."""
    return float(np.exp(rng.normal(0, 0.08)))


def jobs(rng: Rng, workloads: list[Workload]) -> list[Job]:
    """Draw what runs on a schedule: each cluster has a nightly job, a daily one and an hourly one."""
    return [
        # A backup: the first replica of the database reads everything and sends it away.
        _job(rng, workloads, "database", hourly=False, minutes=(20, 60), sent=(2, 10)),
        # A report or a clean-up, somewhere.
        _job(rng, workloads, "jvm", hourly=False, minutes=(10, 45), sent=(0.2, 2)),
        # A sync or an export, every hour, for a few minutes.
        _job(rng, workloads, str(rng.choice(["worker", "web"])), hourly=True, minutes=(3, 9), sent=(0.5, 3)),
    ]


def _job(
    rng: Rng,
    workloads: list[Workload],
    archetype: str,
    *,
    hourly: bool,
    minutes: tuple[float, float],
    sent: tuple[float, float],
) -> Job:
    of = [number for number, one in enumerate(workloads) if one.archetype == archetype]
    number = int(rng.choice(of or [0]))  # the first is a web server, which every cluster has
    workload = workloads[number]
    share = workload.demand / workload.replicas
    stays = workload.stateful  # else its pods change their names, and "the first" means nothing
    return Job(
        workload=number,
        minute=int(rng.integers(HOUR if hourly else DAY)),
        hourly=hourly,
        weekdays_only=not hourly and bool(rng.random() < 0.25),
        runner="first" if stays else str(rng.choice(["any", "all"])),
        minutes=float(rng.uniform(*minutes)),
        # From half of what the pod needs at its peak to more than its peak: a job is written to be quick.
        cpu=workload.cpu_per_request * share * log_uniform(rng, 0.5, 1.5) + 0.05,
        received=workload.received_per_request * share * log_uniform(rng, 0.1, 1.0),
        sent=workload.sent_per_request * share * log_uniform(rng, *sent),
        memory=workload.memory_base * rng.uniform(0.0, 0.25),
    )


def _program(rng: Rng, archetype: str, hour: float, weekend: float) -> Workload:
    own, values = MAKERS[archetype](rng)
    peak = values["demand"] / own[1] * values["cpu_per_request"] + values["cpu_idle"]
    used = sum(values[part] for part in ("memory_base", "memory_sessions", "memory_cache", "heap"))
    return Workload(
        archetype=archetype,
        stateful=own[0],
        replicas=own[1],
        by_users=archetype != FLAT,
        # Night to day 1:7 for a shop in one country, 2:3 for a service used around the world.
        trough=float(rng.uniform(0.15, 0.65)),
        peak_hour=hour + float(rng.normal(0, 1.0)),
        sharpness=float(rng.uniform(0.8, 2.0)),
        weekend=weekend * float(np.exp(rng.normal(0, 0.1))),
        heap_period=log_uniform(rng, 20, 180),
        warm_steps=int(rng.integers(2, 12)),
        fill_steps=int(values.pop("fill_steps")),
        cpu_limit=peak * rng.uniform(*LIMIT_TO_PEAK) + 0.1,
        memory_limit=used * rng.uniform(*MEMORY_HEADROOM) + 64 * MEBIBYTE,
        **values,
    )


Values = dict[str, float]
Drawn = tuple[tuple[bool, int], Values]


def _values(
    rng: Rng,
    *,
    requests: tuple[float, float],
    replicas: int,
    milliseconds: tuple[float, float],
    kilobytes: tuple[float, float],
    base: tuple[float, float],
    jitter: tuple[float, float],
    cache: float = 0.0,
    heap: float = 0.0,
    warm: float = 0.0,
    fill: tuple[float, float] = (5, 30),
) -> Values:
    """Requests per second of a pod, CPU-milliseconds and kilobytes sent a request, mebibytes of memory."""
    memory = log_uniform(rng, *base) * MEBIBYTE
    sent = log_uniform(rng, *kilobytes) * 1e3
    cost = log_uniform(rng, *milliseconds) / 1e3
    pod = log_uniform(rng, *requests)
    return {
        "demand": pod * replicas,
        "cpu_idle": log_uniform(rng, 0.005, 0.04),
        "cpu_per_request": cost,
        "received_per_request": sent * log_uniform(rng, 0.05, 0.6),
        "sent_per_request": sent,
        "memory_base": memory,
        "memory_sessions": memory * rng.uniform(0.05, 0.3),
        "memory_cache": memory * cache,
        "heap": memory * heap,
        "warm_cpu": pod * cost * warm,
        "jitter": rng.uniform(*jitter),
        "fill_steps": log_uniform(rng, *fill),
    }


def _web(rng: Rng) -> Drawn:
    replicas = int(rng.integers(2, 6))
    values = _values(
        rng, requests=(30, 300), replicas=replicas, milliseconds=(0.5, 6), kilobytes=(2, 40), base=(60, 300),
        jitter=(0.03, 0.1), cache=rng.uniform(0, 0.4), warm=rng.uniform(0, 1),
    )  # fmt: skip
    return (False, replicas), values


def _jvm(rng: Rng) -> Drawn:
    replicas = int(rng.integers(2, 5))
    values = _values(
        rng, requests=(10, 120), replicas=replicas, milliseconds=(2, 12), kilobytes=(1, 20), base=(300, 1500),
        # Its compiler takes several times the usual CPU for some minutes; the heap is collected in cycles.
        jitter=(0.04, 0.12), heap=rng.uniform(0.1, 0.5), warm=rng.uniform(1, 4), cache=rng.uniform(0, 0.5),
    )  # fmt: skip
    return (False, replicas), values


def _cache(rng: Rng) -> Drawn:
    replicas = int(rng.integers(1, 4))
    values = _values(
        rng, requests=(300, 3000), replicas=replicas, milliseconds=(0.03, 0.2), kilobytes=(0.5, 8),
        # Empty after a start, and full again only when what is popular has been asked for.
        base=(50, 200), jitter=(0.03, 0.08), cache=rng.uniform(5, 25), fill=(60, 240),
    )  # fmt: skip
    return (True, replicas), values


def _database(rng: Rng) -> Drawn:
    replicas = int(rng.integers(1, 4))
    values = _values(
        rng, requests=(50, 500), replicas=replicas, milliseconds=(0.5, 5), kilobytes=(0.5, 10),
        base=(300, 1500), jitter=(0.05, 0.15), cache=rng.uniform(1, 5), fill=(30, 180), warm=rng.uniform(0, 1),
    )  # fmt: skip
    return (True, replicas), values


def _worker(rng: Rng) -> Drawn:
    replicas = int(rng.integers(2, 6))
    values = _values(
        # Work comes in batches: what it does from minute to minute varies most of all.
        rng, requests=(2, 30), replicas=replicas, milliseconds=(10, 60), kilobytes=(5, 100), base=(100, 600),
        jitter=(0.15, 0.35), warm=rng.uniform(0, 1),
    )  # fmt: skip
    return (False, replicas), values


def _flat(rng: Rng) -> Drawn:
    replicas = int(rng.integers(1, 3))
    values = _values(
        rng, requests=(1, 2), replicas=replicas, milliseconds=(0.1, 0.2), kilobytes=(0.1, 0.2), base=(10, 50),
        jitter=(0.01, 0.02),
    )  # fmt: skip
    return (False, replicas), values


MAKERS: Final[dict[str, Callable[[Rng], Drawn]]] = {
    "web": _web,
    "jvm": _jvm,
    "cache": _cache,
    "database": _database,
    "worker": _worker,
    FLAT: _flat,
}
