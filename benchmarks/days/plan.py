"""A world while it is being drawn: who is there when, and which workloads are taken for how long."""

from dataclasses import dataclass, field

import numpy as np
from days.programs import replica_weight
from days.world import HOUR, Floats, Happening, Job, Mask, Move, Pod, Rng, Workload

SPACING: int = HOUR
"""Between two happenings on one workload: each is to be seen alone by somebody who looks an hour back."""

AT_ONCE: int = 3
"""Samples in which one replica is replaced in place: it stops, is scheduled, and starts."""


@dataclass(slots=True)
class Plan:
    """Rows, happenings and what is taken; changed in place, in the order of time."""

    rng: Rng
    steps: int
    judged_from: int
    nodes: int
    workloads: list[Workload]
    pods: list[Pod]
    jobs: list[Job]
    happenings: list[Happening] = field(default_factory=list)
    taken: Mask = field(init=False)
    """(T, W)."""
    _alive: dict[int, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.taken = np.zeros((self.steps, len(self.workloads)), np.bool_)
        self._alive = {number: [] for number in range(len(self.workloads))}
        for row, pod in enumerate(self.pods):
            self._alive[pod.workload].append(row)

    def alive(self, workload: int) -> list[int]:
        """Rows of a workload after all that was drawn so far."""
        return list(self._alive[workload])

    def rows(self, workload: int) -> tuple[int, ...]:
        """Rows of a workload, those that are gone or have yet to come included."""
        return tuple(row for row, pod in enumerate(self.pods) if pod.workload == workload)

    def free(self, workload: int, start: int, end: int) -> bool:
        """Whether nothing happens to a workload from `SPACING` before to `SPACING` after; also within time."""
        if start < SPACING or end + SPACING > self.steps:
            return False
        return not self.taken[start - SPACING : end + SPACING, workload].any()

    def take(self, workload: int, start: int, end: int) -> None:
        """Let nothing else happen to it."""
        self.taken[max(0, start) : end, workload] = True

    def new_row(self, workload: int, node: int) -> int:
        """Add a pod that is not there at first."""
        self.pods.append(Pod(workload, node, replica_weight(self.rng), from_start=False))
        return len(self.pods) - 1

    def replace(self, pod: int, at: int, gap: int, node: int) -> tuple[Move, ...]:
        """
        Let another pod take the place of one.

        Args: gap: samples without it in place; one of a Deployment starts before the old one stops.
        """
        workload = self.pods[pod].workload
        if self.workloads[workload].stateful:
            return Move(pod, at, present=False), Move(pod, at + gap, present=True)
        new = self.new_row(workload, node)
        self._alive[workload].remove(pod)
        self._alive[workload].append(new)
        return Move(new, at, present=True), Move(pod, at + 1, present=False)

    def leave(self, pod: int, at: int) -> Move:
        """Let a pod go for good."""
        self._alive[self.pods[pod].workload].remove(pod)
        return Move(pod, at, present=False)

    def settled(self, workload: int) -> int:
        """Samples after which a pod that starts is like any other."""
        one = self.workloads[workload]
        return max(one.fill_steps, one.warm_steps) + SLOWEST_START

    def usual(self, workload: int) -> Floats:
        """(4,): what one replica uses at the peak: cores, bytes, bytes/s, bytes/s."""
        one = self.workloads[workload]
        requests = one.demand / one.replicas
        memory = one.memory_base + one.memory_sessions + one.memory_cache + one.heap / 2
        traffic = (requests * one.received_per_request, requests * one.sent_per_request)
        return np.array([one.cpu_idle + requests * one.cpu_per_request, memory, *traffic])


SLOWEST_START: int = 15
"""Slow start at the balancer, and the sessions that remember what came before (`render`)."""
