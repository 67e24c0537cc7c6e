"""Deterministic signals: what Kubernetes itself says is wrong. They stand beside the model and never wait for it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.detect.findings import Finding

RECENT: Final = timedelta(minutes=10)
"""How long a container's end counts as news; longer than kubelet's longest crash back-off of 5 minutes."""

RECENT_INTERVALS: Final = 2
"""At least so many ticks see it, however rare they are."""

BURST_RESTARTS: Final = 3
"""Restarts within `RECENT` that make a burst: one is an accident, three are a habit."""

THROTTLED_RATIO: Final = 0.5
"""Share of CFS periods throttled that slows a service for certain; below a quarter it is common and harmless."""


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """What the API server says of one pod's containers; built only for pods that had any trouble."""

    pod: PodKey
    workload: Workload
    restarts: int
    restarts_recently: int
    """Restarts within `recent`, as far as we have watched."""
    waiting_reason: str | None = None
    terminated_reason: str | None = None
    terminated_at: datetime | None = None
    throttled_ratio: float | None = None
    """0 to 1 over the last rate window; None when it is not measured."""


def recent(interval: timedelta) -> timedelta:
    """Return how long a container's end counts as news for one who looks at this interval."""
    return max(RECENT, RECENT_INTERVALS * interval)


def certain_findings(
    pods: Iterable[ContainerFacts], *, now: datetime, lately: timedelta = RECENT
) -> tuple[Finding, ...]:
    """Return what is certainly wrong with these pods.

    Args:
        lately: see `recent`.
    """
    return tuple(finding for facts in pods for finding in _of(facts, now, lately))


def _of(facts: ContainerFacts, now: datetime, lately: timedelta) -> Iterable[Finding]:
    ended_lately = facts.terminated_at is not None and now - facts.terminated_at <= lately
    if facts.terminated_reason == "OOMKilled" and ended_lately and facts.terminated_at is not None:
        yield _finding(
            facts,
            Signal.OOM_KILLED,
            f"a container was killed for exceeding its memory limit at {facts.terminated_at:%H:%M:%S} UTC",
            f"{facts.restarts} restarts in all",
        )
    if facts.waiting_reason == "CrashLoopBackOff":
        yield _finding(
            facts, Signal.CRASH_LOOP, f"the kubelet holds a container back after {facts.restarts} restarts"
        )
    elif facts.restarts_recently >= BURST_RESTARTS:
        minutes = int(lately.total_seconds() // 60)
        yield _finding(
            facts, Signal.RESTART_BURST, f"{facts.restarts_recently} restarts within {minutes} minutes"
        )
    elif facts.restarts and (facts.restarts_recently or ended_lately):
        # Between two rounds of a crash loop the container runs: that ends no incident, and begins none.
        yield replace(
            _finding(
                facts, Signal.CRASH_LOOP, f"a container restarted lately, {facts.restarts} times in all"
            ),
            over=False,
        )
    if facts.throttled_ratio is not None and facts.throttled_ratio >= THROTTLED_RATIO:
        yield _finding(
            facts,
            Signal.CPU_THROTTLING,
            f"{facts.throttled_ratio:.0%} of the CPU periods are throttled at the limit",
        )


def _finding(facts: ContainerFacts, signal: Signal, *evidence: str) -> Finding:
    return Finding(
        pod=facts.pod, workload=facts.workload, signal=signal, over=True, probability=1.0, evidence=evidence
    )
