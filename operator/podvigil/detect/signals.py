"""Deterministic signals: what Kubernetes itself says is wrong. They stand beside the model and never wait for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.detect.findings import Finding

RECENT: Final = timedelta(minutes=10)
"""How long a container's end counts as news; longer than kubelet's longest crash back-off of 5 minutes."""

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
    """Restarts within `RECENT`, as far as we have watched."""
    waiting_reason: str | None = None
    terminated_reason: str | None = None
    terminated_at: datetime | None = None
    throttled_ratio: float | None = None
    """0 to 1 over the last rate window; None when it is not measured."""


def certain_findings(pods: Iterable[ContainerFacts], *, now: datetime) -> tuple[Finding, ...]:
    """Return what is certainly wrong with these pods."""
    return tuple(finding for facts in pods for finding in _of(facts, now))


def _of(facts: ContainerFacts, now: datetime) -> Iterable[Finding]:
    ended_lately = facts.terminated_at is not None and now - facts.terminated_at <= RECENT
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
        minutes = int(RECENT.total_seconds() // 60)
        yield _finding(
            facts, Signal.RESTART_BURST, f"{facts.restarts_recently} restarts within {minutes} minutes"
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
