"""The rules: a closed table from a signal and its evidence to a cause and a recommendation. Pure.

A rule is a function of the facts of one incident; the first that answers explains it. What is not known is
not claimed: a signal without a rule is reported as unexplained.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.features import Feature, written
from podvigil.api.signals import CERTAIN_SIGNALS, Signal
from podvigil.detect.explain import FeatureShare
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import LimitForecast
from podvigil.detect.incidents import Incident

TRAFFIC_SHARE: Final = 0.15
"""Network features that make this much of the score speak for load rather than for a fault."""

SUSPECT: Final = timedelta(minutes=30)
"""How long a rollout is the first suspect: a leak or a slow query shows within minutes, and most rollouts are well
that long ago."""

MOST: Final = 0.5
"""Trouble in more than this share of the replicas is the workload's, not one pod's."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at."""

    signal: Signal
    workload: str
    pods_affected: int
    pods_evaluated: int
    explanation: tuple[FeatureShare, ...]
    evidence: tuple[str, ...]
    forecast: LimitForecast | None = None
    """Of the affected pod that reaches its limit first; None when none is known to."""
    at_limit: bool = False
    """Whether an affected pod is at the end already (`Finding.at_limit`)."""
    since: datetime | None = None
    """When it began."""
    rolled_out_at: datetime | None = None
    """When the workload's newest revision was made; None when that is not known."""

    @property
    def is_widespread(self) -> bool:
        """Whether most replicas are in trouble, and there is more than one."""
        return self.pods_evaluated > 1 and self.pods_affected > MOST * self.pods_evaluated

    @property
    def follows_rollout(self) -> bool:
        """Whether a rollout is the first suspect: it came shortly before, and not one pod alone is in trouble.

        What the cluster itself reports needs no second pod: a rollout that hangs has one new pod, and that fails. What
        filled a volume stays there after a rollback.
        """
        if self.signal is Signal.VOLUME_FILLING:
            return False
        if self.since is None or self.rolled_out_at is None or self.traffic_is_up:
            return False
        if not timedelta(0) <= self.since - self.rolled_out_at <= SUSPECT:
            return False
        return self.signal in CERTAIN_SIGNALS or self.is_widespread or self.pods_evaluated == 1

    @property
    def traffic_is_up(self) -> bool:
        """Whether more network traffic than expected is part of the finding."""
        network = (Feature.NETWORK_RECEIVE, Feature.NETWORK_TRANSMIT)
        return (
            sum(s.share for s in self.explanation if s.feature in network and s.deviation > 0)
            >= TRAFFIC_SHARE
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """A cause, the evidence for it, and what may help, the best first."""

    cause: str
    message: str
    evidence: tuple[str, ...]
    advice: tuple[tuple[ActionName | None, str], ...]


def facts_of(incident: Incident) -> Facts:
    """Gather what the rules look at from an incident; the worst pod speaks for the numbers."""
    worst = incident.findings[0] if incident.findings else None
    return Facts(
        signal=incident.signal,
        workload=str(incident.workload),
        pods_affected=len({f.pod for f in incident.findings}),
        pods_evaluated=max(incident.evaluated, len({f.pod for f in incident.findings})),
        explanation=worst.explanation if worst else (),
        evidence=worst.evidence if worst else (),
        forecast=first.forecast if (first := first_at_limit(incident.findings)) else None,
        at_limit=any(finding.at_limit for finding in incident.findings),
        since=incident.since,
        rolled_out_at=incident.rolled_out_at,
    )


def first_at_limit(findings: Iterable[Finding]) -> Finding | None:
    """Return the finding whose pod reaches its limit first; None when that is foretold of none."""
    foretold = ((f.forecast.estimate, f) for f in findings if f.forecast)
    return min(foretold, key=lambda pair: pair[0], default=(None, None))[1]


def diagnose(facts: Facts) -> Explanation | None:
    """Return what the rules say; None when none of them explains it."""
    rule = RULES.get(facts.signal)
    said = rule(facts) if rule else None
    return _after_a_rollout(said, facts) if said and facts.follows_rollout else said


def _after_a_rollout(said: Explanation, facts: Facts) -> Explanation:
    """Name the rollout before any other cause, with the rule's own evidence and advice after it."""
    if facts.since is None or facts.rolled_out_at is None:  # `follows_rollout` is False then
        return said
    minutes = int((facts.since - facts.rolled_out_at).total_seconds() // 60)
    when = f"it began {minutes} minutes after the rollout of {facts.rolled_out_at:%H:%M:%S} UTC"
    back = "Going back to the revision before takes the release away, if that is the cause."
    return Explanation(
        f"{said.cause}AfterRollout",
        f"{said.message} It began {minutes} minutes after a rollout, which is the first suspect.",
        (when, *said.evidence),
        ((ActionName.ROLLBACK, back), *said.advice),
    )


def measured(facts: Facts) -> tuple[str, ...]:
    """Say each feature's part in numbers."""
    return tuple(
        f"{s.feature.value} is {written(s.feature, s.observed)}, expected {written(s.feature, s.expected)} "
        f"({s.share:.0%} of the score)"
        for s in facts.explanation
    )


def _siblings(facts: Facts) -> str:
    calm = facts.pods_evaluated - facts.pods_affected
    if calm > 0:
        return f"{calm} of {facts.pods_evaluated} replicas are as expected"
    return (
        "no replica is as expected"
        if facts.pods_evaluated > 1
        else "there is no other replica to compare with"
    )


def _memory_high(facts: Facts) -> Explanation:
    evidence = (*measured(facts), _siblings(facts))
    if facts.is_widespread:
        return Explanation(
            "MemoryGrowthInWorkload",
            f"Most replicas of {facts.workload} use more memory than expected: a release, a cache or the load, "
            "rather than one pod.",
            evidence,
            (
                (
                    ActionName.RESTART,
                    "A rolling restart frees the memory; if it grows again, look at the last release.",
                ),
                (ActionName.SET_RESOURCES, "A larger memory limit, if all of them really need more."),
                (None, "Compare with the last rollout and with the traffic before raising the limit."),
            ),
        )
    return Explanation(
        "MemoryGrowthInPod",
        f"One part of {facts.workload} uses far more memory than its siblings and its own past"
        + (
            ", and grows on steadily: probably a leak."
            if facts.forecast
            else "; if it grows on, it is a leak."
        ),
        evidence,
        (
            (
                ActionName.RESTART,
                "A restart frees the memory; take a heap dump first if you want the cause.",
            ),
            (None, "If it comes back after the restart, the leak is in the code: look at the last release."),
        ),
    )


def _cpu_high(facts: Facts) -> Explanation:
    evidence = (*measured(facts), _siblings(facts))
    if facts.traffic_is_up or facts.is_widespread:
        return Explanation(
            "LoadAboveCapacity",
            f"{facts.workload} works harder than expected"
            + (" and receives more traffic than expected." if facts.traffic_is_up else " in most replicas."),
            evidence,
            ((ActionName.SCALE, "More replicas share the load."),),
        )
    return Explanation(
        "BusyPod",
        f"One part of {facts.workload} uses far more CPU than its siblings, without more traffic: a busy loop, "
        "a stuck job or a hot key.",
        evidence,
        (
            (ActionName.RESTART, "A restart ends a busy loop."),
            (ActionName.SCALE, "More replicas take work off the busy one, where a restart does not last."),
            (None, "Profile the pod before the restart if you want the cause."),
        ),
    )


def _throttling(facts: Facts) -> Explanation:
    return Explanation(
        "CPULimitTooLow",
        f"{facts.workload} is slowed by its own CPU limit.",
        (*facts.evidence, *measured(facts)),
        (
            (ActionName.SET_RESOURCES, "A larger CPU limit, if the node has the CPU to spare."),
            (ActionName.SCALE, "More replicas share the work until the limit is raised."),
            (None, "Raise or remove the CPU limit in the workload's manifest."),
        ),
    )


def _oom_killed(facts: Facts) -> Explanation:
    return Explanation(
        "MemoryLimitReached",
        f"A container of {facts.workload} reached its memory limit and was killed.",
        facts.evidence,
        (
            (
                ActionName.SET_RESOURCES,
                "A larger memory limit, if it is too small for the work; no cure for a leak.",
            ),
            (None, "It has restarted already; raise the memory limit, or find what grows."),
        ),
    )


def _crash_loop(facts: Facts) -> Explanation:
    return Explanation(
        "ContainerFailsAtStart",
        f"A container of {facts.workload} fails again and again; a restart does not help.",
        facts.evidence,
        ((None, "Read its last log (kubectl logs --previous) and compare with the last rollout."),),
    )


def _restart_burst(facts: Facts) -> Explanation:
    return Explanation(
        "ContainerFailsRepeatedly",
        f"A container of {facts.workload} restarts again and again.",
        facts.evidence,
        ((None, "Read its last log (kubectl logs --previous); a further restart does not help."),),
    )


def _cpu_low(facts: Facts) -> Explanation:
    return Explanation(
        "WorkStopped",
        f"A part of {facts.workload} does far less work than expected: stuck, paused, or cut off from its clients.",
        (*measured(facts), _siblings(facts)),
        ((ActionName.RESTART, "A restart frees a stuck process."),),
    )


def _volume_filling(facts: Facts) -> Explanation:
    return Explanation(
        "VolumeFull" if facts.at_limit else "VolumeFilling",
        f"A volume of {facts.workload} "
        + ("is full or nearly so: whoever writes to it will fail." if facts.at_limit else "fills up."),
        facts.evidence,
        (
            (
                None,
                "Grow the claim (spec.resources.requests.storage), if its StorageClass allows volume expansion; "
                "or delete what nobody needs. A restart does not help.",
            ),
        ),
    )


RULES: Final[dict[Signal, Callable[[Facts], Explanation]]] = {
    Signal.MEMORY_HIGH: _memory_high,
    Signal.CPU_HIGH: _cpu_high,
    Signal.CPU_LOW: _cpu_low,
    Signal.CPU_THROTTLING: _throttling,
    Signal.OOM_KILLED: _oom_killed,
    Signal.CRASH_LOOP: _crash_loop,
    Signal.RESTART_BURST: _restart_burst,
    Signal.VOLUME_FILLING: _volume_filling,
}
