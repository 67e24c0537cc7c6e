"""What a generated cluster is and what happens in it: frozen data, and nothing of how it turns into samples.

`draw` makes a `World`, `render` turns it into samples without knowing what any happening is called, and `labels`
says what was wrong when. So an ordinary operation and a fault are the same kind of thing here: named effects on
stated quantities of stated pods over stated samples. A world without one of them is `World.without`.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator

INTERVAL_SECONDS: Final = 60
DAY: Final = 1440
"""Samples of a day."""
HOUR: Final = 60

FEATURES: Final = ("cpu", "memory", "networkReceive", "networkTransmit")
"""Cores, bytes, bytes/s, bytes/s; the columns of every series."""

MEBIBYTE: Final = 2.0**20


class Negative(StrEnum):
    """What is normal however unusual it looks. The order is that of precedence: a later one names the sample."""

    FLAT_SERIES = "FlatSeries"
    """A pod without any load."""
    DAILY_LOAD = "DailyLoad"
    WEEKLY_LOAD = "WeeklyLoad"
    """The weekend of a workload that people use."""
    SLOW_GROWTH = "SlowGrowth"
    MISSING_FEATURE = "MissingFeature"
    HOLIDAY = "Holiday"
    DAYLIGHT_SAVING = "DaylightSaving"
    AFTER_FAULT = "AfterFault"
    """Hours after a fault had touched the pod: what a detector has taken for normal meanwhile."""
    SCALE_DOWN = "ScaleDown"
    SCALE_UP = "ScaleUp"
    REBALANCING = "Rebalancing"
    TRAFFIC_SURGE = "TrafficSurge"
    CRON_AT_ITS_HOUR = "CronAtItsHour"
    ROLLOUT = "Rollout"
    NODE_DRAIN = "NodeDrain"
    WARM_UP = "WarmUp"
    """After a restart in place."""
    CLOCK_GAP = "ClockGap"
    COUNTER_RESET = "CounterReset"


class Positive(StrEnum):
    """What a person wants to be told of."""

    CPU_HOG = "CpuHog"
    THROTTLING = "Throttling"
    LEAK_FAST = "LeakFast"
    LEAK_SLOW = "LeakSlow"
    LEAK_WITH_RESTARTS = "LeakWithRestarts"
    LEVEL_SHIFT = "LevelShift"
    PAUSE = "Pause"
    NETWORK_LOSS = "NetworkLoss"
    STUCK_REPLICA = "StuckReplica"
    NOISY_NEIGHBOUR = "NoisyNeighbour"
    CRON_AT_WRONG_HOUR = "CronAtWrongHour"
    MISSING_PEAK = "MissingPeak"


class Quantity(StrEnum):
    """What an effect changes, in the order in which they are computed."""

    CLOCK = "clock"
    """Minutes by which the users of a workload are early."""
    DEMAND = "demand"
    """Requests per second of a workload."""
    WEIGHT = "weight"
    """How much the load balancer prefers a pod."""
    REQUESTS = "requests"
    """Requests per second that reach a pod."""
    CPU = "cpu"
    MEMORY = "memory"
    RECEIVED = "received"
    SENT = "sent"


OF_WORKLOADS: Final = (Quantity.CLOCK, Quantity.DEMAND)
"""Their effects name workloads; those of all others name pods."""

SAMPLED: Final = (Quantity.CPU, Quantity.MEMORY, Quantity.RECEIVED, Quantity.SENT)
"""What is sampled, in the order of `FEATURES`."""
TRAFFIC: Final = (Quantity.RECEIVED, Quantity.SENT)


class How(StrEnum):
    """What an effect does to its quantity."""

    TIMES = "times"
    PLUS = "plus"
    AT_MOST = "atMost"
    HIDDEN = "hidden"
    """The sample is not taken; only for what is sampled."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of one quantity over the samples from `start` to before `end`."""

    quantity: Quantity
    on: tuple[int, ...]
    """Workloads or pods, by `OF_WORKLOADS`."""
    start: int
    end: int
    how: How
    size: float = 0.0
    """Factor, summand or ceiling in the quantity's unit."""
    edge: int = 0
    """Samples in which it comes, and goes again; 0 = at once."""
    growing: bool = False
    """From nothing at `start` evenly to `size` at `end`."""


@dataclass(frozen=True, slots=True)
class Move:
    """A pod is there, or not, from a sample on. One that comes later than the first sample warms up."""

    pod: int
    at: int
    present: bool


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that is done to a cluster, or goes wrong in it."""

    kind: Negative | Positive
    start: int
    """The first sample labelled so. A leak begins before anybody could see it: its effects start earlier."""
    end: int
    """Half-open."""
    pods: tuple[int, ...]
    """Whose samples are labelled so."""
    effects: tuple[Effect, ...] = ()
    moves: tuple[Move, ...] = ()
    lasting: bool = False
    """The pods stay changed after `end`: another version, or fewer replicas. Only of ordinary operations."""
    cancels: "Happening | None" = None
    """Takes place instead of this one: a peak that does not come."""
    cost: float = 1.0
    memory: float = 1.0
    """What pods of `workload` that start from here on need, relative to before: another version."""
    workload: int | None = None

    @property
    def is_fault(self) -> bool:
        """Whether people want to be told of it."""
        return isinstance(self.kind, Positive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Some replicas of one program. Rates per second, memory in bytes, CPU in cores, times in samples."""

    archetype: str
    stateful: bool
    """A replica that is replaced comes back under its name, so in the same row."""
    replicas: int
    by_users: bool
    """Its demand follows the day and the week of the people who use it."""
    demand: float
    """Requests per second of all replicas at the weekday's peak."""
    trough: float
    """Demand at the quietest hour, relative to the peak."""
    peak_hour: float
    """Local."""
    sharpness: float
    weekend: float
    """Demand at the weekend, relative to a weekday."""
    jitter: float
    """Standard deviation of the logarithm of a pod's requests from minute to minute."""
    cpu_idle: float
    cpu_per_request: float
    received_per_request: float
    sent_per_request: float
    memory_base: float
    memory_sessions: float
    """At the peak."""
    memory_cache: float
    heap: float
    """Height of the saw-tooth of a garbage collector; 0 = none."""
    heap_period: float
    warm_cpu: float
    """Of a start, in cores at its begin."""
    warm_steps: int
    fill_steps: int
    """Until the cache is full."""
    cpu_limit: float
    memory_limit: float


@dataclass(frozen=True, slots=True)
class Pod:
    """One row of the arrays: a pod by its name."""

    workload: int
    node: int
    weight: float
    """How much of the load it gets, relative to its siblings; the leader of a database gets more."""
    from_start: bool


@dataclass(frozen=True, slots=True)
class Job:
    """Work on a schedule, in UTC as the Job controller's own; its runs are happenings of the world."""

    workload: int
    minute: int
    """Of the day, or of the hour for one that runs hourly."""
    hourly: bool
    weekdays_only: bool
    runner: str
    """`first`: always the first replica; `all`: every replica; `any`: whichever leads at that moment."""
    minutes: float
    cpu: float
    received: float
    sent: float
    memory: float


@dataclass(frozen=True, slots=True)
class World:
    """One cluster over some days."""

    seed: tuple[int, int]
    """The benchmark's seed and the number of the cluster in it: all noise follows from these."""
    start: int
    """Unix seconds, a midnight UTC."""
    steps: int
    judged_from: int
    """Samples before it are history."""
    offset_seconds: int
    """Local time of the users minus UTC, at the start."""
    nodes: int
    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]
    jobs: tuple[Job, ...] = ()
    happenings: tuple[Happening, ...] = field(default=())

    def without(self, *left_out: Happening) -> "World":
        """Return the same world in which these do not happen; the noise is the same."""
        return replace(self, happenings=tuple(h for h in self.happenings if h not in left_out))

    @property
    def faults(self) -> tuple[Happening, ...]:
        """What people want to be told of, history included."""
        return tuple(h for h in self.happenings if h.is_fault)

    def rows(self, workload: int) -> tuple[int, ...]:
        """Rows of a workload's pods, past and future ones included."""
        return tuple(row for row, pod in enumerate(self.pods) if pod.workload == workload)


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Draw between two positive numbers, every factor alike."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
