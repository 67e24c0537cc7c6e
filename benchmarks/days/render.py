"""Turns a world into samples: requests reach pods, and pods use CPU, memory and network to serve them.

Knows no kind of happening by name. All noise is drawn first, from the seed and the shape of the world alone, so
two worlds that differ in one happening differ in its effects and in nothing else.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from days.load import Draft, demand
from days.noise import bursts, saw, wander
from days.world import (
    INTERVAL_SECONDS,
    SAMPLED,
    Floats,
    Happening,
    How,
    Mask,
    Quantity,
    Workload,
    World,
)

SLOW_START: Final = 3
"""Samples in which a load balancer brings a new pod to its full share."""
SESSIONS: Final = 10
"""Samples for which a request keeps its memory: a session's time-out. The longest after-effect of a change."""
PAGE: Final = 4096.0

BACKGROUND: Final = (200.0, 2000.0)
"""Bytes per second of probes, scrapes and keep-alives, whatever the load."""

FLAT: Final = "flat"
"""The archetype without any load: constant memory, a counter that hardly moves."""
TICK: Final = 0.01 / INTERVAL_SECONDS
"""Cores: one more of the kernel's ticks of 10 ms within the minute."""
ODD_TICK: Final = 0.1


@dataclass(frozen=True, slots=True)
class Samples:
    """What the metrics source would hold."""

    values: Floats
    """(T, P, 4) in the order of `FEATURES`; NaN = no sample."""
    present: Mask
    """(T, P): the pod exists, sampled or not."""


def render(world: World) -> Samples:
    """Return all samples of a world."""
    draft = Draft(world)
    present, births = lives(world, draft.happenings)
    requests = _requests(draft, present, births)
    usage = _usage(draft, requests, births)
    hidden = np.zeros((*present.shape, len(SAMPLED)), np.bool_)
    for column, quantity in enumerate(SAMPLED):
        draft.apply(quantity, usage[:, :, column])
        for effect in draft.effects(quantity, How.HIDDEN):
            hidden[effect.start : effect.end, effect.on, column] = True
    limits = np.array([world.workloads[pod.workload].cpu_limit for pod in world.pods])
    usage[:, :, 0] = np.minimum(usage[:, :, 0], limits)
    usage[:, :, 1] = PAGE * np.round(usage[:, :, 1] / PAGE)
    _flatten(draft, usage)
    gone = hidden | ~present[:, :, None]
    return Samples(np.where(gone, np.nan, np.maximum(usage, 0.0)), present)


def lives(world: World, happenings: tuple[Happening, ...]) -> tuple[Mask, list[tuple[int, int]]]:
    """Return who is there when, (T, P), and every start after the first sample as (pod, sample)."""
    present = np.tile([pod.from_start for pod in world.pods], (world.steps, 1))
    births = []
    for move in sorted((m for h in happenings for m in h.moves), key=lambda move: (move.at, move.present)):
        present[move.at :, move.pod] = move.present
        if move.present:
            births.append((move.pod, move.at))
    return present, births


def _requests(draft: Draft, present: Mask, births: list[tuple[int, int]]) -> Floats:
    """(T, P): the demand of each workload, shared among its pods by their weights."""
    world = draft.world
    shape = present.shape
    # Connections are long-lived: who has how many of them changes within hours, by some per cent.
    weight = np.array([pod.weight for pod in world.pods]) * np.exp(
        wander(draft.stream("weight"), *shape, minutes=180, sd=0.05)
    )
    weight = np.where(present, weight, 0.0)
    for pod, at in births:
        ramp = np.minimum(np.arange(1, SLOW_START + 1) / (SLOW_START + 1), 1.0)
        weight[at : at + SLOW_START, pod] *= ramp[: len(weight) - at]
    draft.apply(Quantity.WEIGHT, weight)
    wanted = demand(draft)
    requests = np.zeros(shape)
    for number in range(len(world.workloads)):
        rows = list(world.rows(number))
        total = weight[:, rows].sum(axis=1, keepdims=True)
        share = np.divide(weight[:, rows], total, out=np.zeros_like(weight[:, rows]), where=total > 0)
        requests[:, rows] = share * wanted[:, [number]]
    jitter = np.array([world.workloads[pod.workload].jitter for pod in world.pods])
    requests *= np.exp(wander(draft.stream("jitter"), *shape, minutes=4, sd=jitter))
    # Counting noise: as many requests come in a minute as a Poisson process lets them.
    chance = draft.stream("count").standard_normal(shape)
    minute = np.maximum(requests * INTERVAL_SECONDS, 1.0)
    requests *= np.maximum(1 + chance / np.sqrt(minute), 0.0)
    draft.apply(Quantity.REQUESTS, requests)
    return requests


def _usage(draft: Draft, requests: Floats, births: list[tuple[int, int]]) -> Floats:
    """(T, P, 4): what serving these requests takes."""
    world, shape = draft.world, requests.shape
    steps, pods = shape
    of: list[Workload] = [world.workloads[pod.workload] for pod in world.pods]
    cost, grown = _versions(draft, births, shape)
    usage = np.empty((*shape, len(SAMPLED)))

    per_request = np.array([one.cpu_per_request for one in of]) * cost
    # The price of a request changes with what is asked for: within minutes by a few per cent, and in hiccups.
    price = np.exp(wander(draft.stream("price"), steps, pods, minutes=6, sd=0.05))
    price *= 1 + bursts(draft.stream("cpu-burst"), steps, pods, per_day=2.0, size=0.25)
    usage[:, :, 0] = np.array([one.cpu_idle for one in of]) + per_request * requests * price

    for column, rate in (
        (2, [one.received_per_request for one in of]),
        (3, [one.sent_per_request for one in of]),
    ):
        stream = draft.stream(f"network-{column}")
        size = np.exp(wander(stream, steps, pods, minutes=5, sd=0.04))
        size *= 1 + bursts(stream, steps, pods, per_day=1.5, size=0.3)
        background = stream.uniform(*BACKGROUND, pods) * np.exp(
            wander(stream, steps, pods, minutes=30, sd=0.1)
        )
        usage[:, :, column] = np.array(rate) * requests * size + background

    usual = np.array([one.demand / one.replicas for one in of])
    sessions = np.array([one.memory_sessions for one in of]) * _trailing(requests) / usual
    periods = np.array([max(one.heap_period, 1.0) for one in of])
    heap = np.array([one.heap for one in of]) * saw(draft.stream("heap"), steps, pods, periods=periods)
    base = np.array([one.memory_base for one in of])
    # Caches inside the program, fragmentation: a heap is never quite the same size twice.
    drift = np.exp(wander(draft.stream("memory"), steps, pods, minutes=240, sd=0.015))
    cache = np.array([one.memory_cache for one in of]) * _filled(world, births, shape)
    usage[:, :, 1] = base * grown * drift + sessions + heap + cache

    for pod, at in births:
        length = min(of[pod].warm_steps, steps - at)
        usage[at : at + length, pod, 0] += of[pod].warm_cpu * (1 - np.arange(length) / of[pod].warm_steps)
    return usage


def _versions(draft: Draft, births: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """What a pod's version needs relative to the first one, CPU and memory, each (T, P)."""
    cost, memory = np.ones(shape), np.ones(shape)
    for pod, at in sorted(births, key=lambda birth: birth[1]):
        released = [
            happening
            for happening in draft.happenings
            if happening.workload == draft.world.pods[pod].workload and happening.start <= at
        ]
        cost[at:, pod] = np.prod([happening.cost for happening in released])
        memory[at:, pod] = np.prod([happening.memory for happening in released])
    return cost, memory


def _filled(world: World, births: list[tuple[int, int]], shape: tuple[int, ...]) -> Floats:
    """How full the caches are, 0 to 1, (T, P): what is asked for most is there first."""
    full = np.ones(shape)
    for pod, at in sorted(births, key=lambda birth: birth[1]):
        steps = world.workloads[world.pods[pod].workload].fill_steps
        part = np.minimum(np.arange(shape[0] - at) / steps, 1.0)
        full[at:, pod] = 1 - (1 - part) ** 2
    return full


def _trailing(requests: Floats) -> Floats:
    """Mean of the last `SESSIONS` samples; sums are made anew for each, so that a change leaves no rounding."""
    padded = np.concatenate([np.repeat(requests[:1], SESSIONS - 1, axis=0), requests])
    total = np.zeros_like(requests)
    for lag in range(SESSIONS):
        total += padded[lag : lag + len(requests)]
    return total / SESSIONS


def _flatten(draft: Draft, usage: Floats) -> None:
    """Pods without load: memory to the byte the same, CPU a tick of the kernel more or less, no traffic."""
    ticks = draft.stream("ticks").random(usage.shape[:2]) < ODD_TICK
    for row, pod in enumerate(draft.world.pods):
        one = draft.world.workloads[pod.workload]
        if one.archetype == FLAT:
            usage[:, row, 0] = one.cpu_idle + TICK * ticks[:, row]
            usage[:, row, 1] = PAGE * round(one.memory_base / PAGE)
            usage[:, row, 2:] = 0.0
