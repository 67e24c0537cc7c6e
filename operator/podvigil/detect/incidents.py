"""When a trouble becomes an incident, and when it is over: hysteresis, grouping by workload.

        over for `minimum_duration`             below for `clear_after`
    (pending) ─────────────────────▶ open ─────────────────────────────▶ closed
        │ below, or no data,          ▲ │ a tick without data changes nothing:
        ▼ at any tick                 └─┘ not seen is neither good nor bad news
     forgotten

All pods of a workload with the same trouble are one incident. While the model already has an incident for
a workload, its later findings there belong to that one: which feature leads may change, the trouble does not.
So it is with crash loops and bursts of restarts, which take turns in one failing container.

What the cluster itself says is certain, and a crash loop has a break in each of its rounds: such a trouble opens when
it is seen again after a minute, whatever the dial says.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import CERTAIN_SIGNALS, MODEL_SIGNALS, Signal
from podvigil.detect.findings import Finding, Observation

_FROM_MODEL = frozenset(MODEL_SIGNALS.values())
_FROM_METRICS = _FROM_MODEL | {Signal.CPU_THROTTLING}
_OF_RESTARTS = frozenset({Signal.CRASH_LOOP, Signal.RESTART_BURST})
_OF_RUNNING_PODS = _FROM_METRICS | {Signal.VOLUME_FILLING}
"""Signals that nobody can say anything of when all pods have ended."""

CERTAIN_DURATION: Final = timedelta(minutes=1)
"""Longest that what is certain must last: an OOM kill is told for ten minutes, and the dial goes to an hour."""

UNMOUNTED_AFTER: Final = timedelta(hours=1)
"""A claim that was taken away is forgotten after so long; an exporter that restarts tells of none for a moment."""


@dataclass(frozen=True, slots=True)
class IncidentRules:
    """How sure we must be, and for how long."""

    minimum_duration: timedelta
    """How long the trouble must last without a break before it is reported."""
    clear_after: timedelta
    """How long it must be away before it counts as over: bridges the breaks of a flapping pod."""


@dataclass(frozen=True, slots=True)
class IncidentKey:
    """A trouble by what it is about."""

    workload_uid: str
    signal: Signal


@dataclass(frozen=True, slots=True)
class Incident:
    """One trouble of one workload, from its first sign on."""

    workload: Workload
    signal: Signal
    since: datetime
    """When this episode's first sign was seen."""
    last_seen: datetime
    last_evaluated: datetime
    opened_at: datetime | None = None
    """When it was found to last; None while it is pending."""
    calm_since: datetime | None = None
    """When it was first judged and not seen; None while it is seen. An outage is not calm."""
    findings: tuple[Finding, ...] = ()
    """The pods in trouble at the last tick that could judge them, the worst first."""
    sick: frozenset[PodKey] = frozenset()
    """Those pods, and the ones in trouble before that could not be judged since."""
    evaluated: int = 0
    rolled_out_at: datetime | None = None
    """When the workload's newest revision was made, as its first sign was seen; None: not known, or never."""

    @property
    def key(self) -> IncidentKey:
        """What the incident is about."""
        return IncidentKey(self.workload.uid, self.signal)

    @property
    def is_open(self) -> bool:
        """Whether it lasted long enough to be reported."""
        return self.opened_at is not None


@dataclass(frozen=True, slots=True)
class Step:
    """What one tick made of the incidents."""

    incidents: Mapping[IncidentKey, Incident]
    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()
    """Open ones that are over now; they are no longer among `incidents`."""
    gone: tuple[Incident, ...] = ()
    """Open ones whose workload has no pods any more; they are no longer among `incidents` either."""


def step(
    incidents: Mapping[IncidentKey, Incident], seen: Observation, *, now: datetime, rules: IncidentRules
) -> Step:
    """Say what became of every incident at `now`."""
    groups = _grouped(seen.findings, incidents)
    kept: dict[IncidentKey, Incident] = {}
    opened: list[Incident] = []
    closed: list[Incident] = []
    gone: list[Incident] = []
    for key in {**incidents, **groups}:
        before, findings = incidents.get(key), groups.get(key, ())
        after = _next(before, findings, seen, now=now, rules=rules)
        if after is None:
            if before is not None and before.is_open:
                ended = gone if _is_gone(before, seen, now) else closed
                ended.append(replace(before, findings=(), last_evaluated=now))
            continue
        if after.is_open and (before is None or not before.is_open):
            opened.append(after)
        kept[key] = after
    return Step(kept, tuple(opened), tuple(closed), tuple(gone))


def _judged(signal: Signal, seen: Observation) -> Mapping[str, int]:
    """By workload: pods of which it could be said whether they are in this trouble."""
    if signal is Signal.VOLUME_FILLING:
        return seen.with_volumes
    return seen.scored if signal in _FROM_METRICS else seen.running


def _is_gone(incident: Incident, seen: Observation, now: datetime) -> bool:
    uid, signal = incident.workload.uid, incident.signal
    if seen.existing is None:
        return False
    if uid not in seen.existing or (uid in seen.ended and signal in _OF_RUNNING_PODS):
        return True
    is_unmounted = signal is Signal.VOLUME_FILLING and uid in seen.unmounted
    return is_unmounted and now - incident.last_evaluated >= UNMOUNTED_AFTER


def _grouped(
    findings: Iterable[Finding], incidents: Mapping[IncidentKey, Incident]
) -> dict[IncidentKey, tuple[Finding, ...]]:
    """Group findings by incident, the worst pod first; those of one family stay together in a workload."""
    known = {(key.workload_uid, _family(key.signal)): key.signal for key in incidents}
    groups: dict[IncidentKey, list[Finding]] = {}
    # What alarms comes first: it names an incident that is new, and not what would only hold one open.
    ranked = sorted(findings, key=lambda f: (not f.over, -(f.score or 0.0), -f.probability, f.pod))
    for finding in ranked:
        signal = known.setdefault((finding.workload.uid, _family(finding.signal)), finding.signal)
        groups.setdefault(IncidentKey(finding.workload.uid, signal), []).append(finding)
    return {key: tuple(group) for key, group in groups.items()}


def _family(signal: Signal) -> Signal:
    """Return what stands for all signals that are one trouble."""
    if signal in _OF_RESTARTS:
        return Signal.CRASH_LOOP
    return Signal.CPU_HIGH if signal in _FROM_MODEL else signal


def _next(
    before: Incident | None,
    findings: tuple[Finding, ...],
    seen: Observation,
    *,
    now: datetime,
    rules: IncidentRules,
) -> Incident | None:
    """Return the incident after this tick; None when there is none (any more)."""
    over = any(f.over and f.settled for f in findings)
    if before is None:
        if not over:
            return None
        first = findings[0]
        before = Incident(
            first.workload,
            first.signal,
            since=now,
            last_seen=now,
            last_evaluated=now,
        )
    if _is_gone(before, seen, now):
        return None
    evaluated = _judged(before.signal, seen).get(before.workload.uid, 0)
    unjudged = frozenset(pod for pod in before.sick if (before.signal, pod) in seen.unjudged)
    if not findings and (unjudged or not evaluated):
        # What was only suspected must last without a break, and a gap could hide one.
        return before if before.is_open else None
    now_seen = replace(
        before,
        last_evaluated=now,
        findings=findings,
        sick=frozenset(f.pod for f in findings) | unjudged if findings else before.sick,
        evaluated=evaluated,
        rolled_out_at=before.rolled_out_at or _rolled_out(before, seen),
    )
    if not before.is_open:
        is_certain = before.signal in CERTAIN_SIGNALS
        if not over:
            return now_seen if findings and is_certain else None
        minimum = min(rules.minimum_duration, CERTAIN_DURATION) if is_certain else rules.minimum_duration
        opened_at = now if now - before.since >= minimum else None
        return replace(now_seen, last_seen=now, opened_at=opened_at)
    if findings:
        return replace(now_seen, last_seen=now, calm_since=None)
    calm_since = before.calm_since or now
    return None if now - calm_since >= rules.clear_after else replace(now_seen, calm_since=calm_since)


def _rolled_out(incident: Incident, seen: Observation) -> datetime | None:
    """Return when the newest revision was made, if that came before the trouble; a new process asks again."""
    at = seen.rollouts.get(incident.workload.uid)
    return at if at is not None and at <= incident.since else None
