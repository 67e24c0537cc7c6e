"""From arrays and pod records to findings: the one place where a pod becomes an object, and only if in trouble."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey
from podvigil.api.signals import CERTAIN_SIGNALS, Signal
from podvigil.controllers.monitor.scoring import Verdict
from podvigil.controllers.monitor.select import Selection
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.detect.explain import explain
from podvigil.detect.findings import Finding, model_signal
from podvigil.detect.incidents import Incident, IncidentKey
from podvigil.detect.signals import RECENT, ContainerFacts
from podvigil.window.arrays import Array

MAXIMUM_FINDINGS: Final = 2_000
"""The worst so many pods of a tick become objects; in a storm the rest would say the same."""

MAXIMUM_COUNTS: Final = 64
"""Changes of a pod's restart count that are kept; a burst is three."""

STARTED: Final = frozenset({"Running", "Succeeded", "Failed"})
"""Phases in which no certain signal means that there is none: a Job's pod that ended was judged, too."""

FINISHED: Final = frozenset({"Succeeded", "Failed"})
"""Phases in which a pod has no need to be ready any more."""

START_SECONDS: Final = 300.0
"""So long a pod may take to become ready before that counts as trouble."""


def model_findings(verdict: Verdict, rows: PodRows, features: tuple[Feature, ...]) -> tuple[Finding, ...]:
    """Return the pods that are abnormal, or nearly so, the worst first."""
    held = np.flatnonzero(verdict.held | verdict.over)
    worst = held[np.argsort(-verdict.scores.score[held], kind="stable")][:MAXIMUM_FINDINGS]
    findings = []
    for slot in map(int, worst):
        explanation = explain(verdict.scores, slot, features)
        signal = model_signal(explanation)
        if signal is None:
            continue
        findings.append(
            Finding(
                pod=rows.pod(slot),
                workload=rows.workload(slot),
                signal=signal,
                over=bool(verdict.over[slot]),
                probability=float(verdict.probability[slot]),
                score=float(verdict.scores.score[slot]),
                settled=bool(verdict.settled[slot]),
                explanation=explanation,
            )
        )
    return tuple(findings)


class RestartCounts:
    """How often each pod's containers restarted lately; keeps counts only of pods that ever restarted."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[datetime, int]]] = {}
        self._watched: frozenset[str] = frozenset()

    def observe(
        self,
        selection: Selection,
        reported: Mapping[PodKey, int],
        now: datetime,
        lately: timedelta = RECENT,
    ) -> dict[PodKey, int]:
        """Return recent restarts by pod, of the pods that restarted at all.

        Args:
            reported: counts from the metrics source, which may know more than the last list of pods.
            lately: see `signals.recent`.
        """
        recent: dict[PodKey, int] = {}
        kept: dict[str, list[tuple[datetime, int]]] = {}
        for key, pod in selection.pods.items():
            count = max(pod.restarts, reported.get(key, 0))
            if count == 0:
                continue
            # A pod first seen with restarts did not necessarily have them lately; one watched without any did.
            first = 0 if pod.uid in self._watched else count
            counts = self._seen.get(pod.uid, [(now, first)])
            if counts[-1][1] != count:
                counts = [*counts, (now, count)]
            # The newest count from before is the one that restarts since then are counted from.
            old = sum(now - t >= lately for t, _ in counts)
            kept[pod.uid] = counts = counts[max(old - 1, 0) :][-MAXIMUM_COUNTS:]
            recent[key] = max(count - counts[0][1], 0)
        self._seen = kept
        self._watched = frozenset(pod.uid for pod in selection.pods.values())
        return recent


def container_facts(
    selection: Selection, restarts: Mapping[PodKey, int], throttled: Mapping[PodKey, float]
) -> tuple[ContainerFacts, ...]:
    """Return what Kubernetes says of the pods that had any trouble."""
    facts = []
    for key, pod in selection.pods.items():
        ended = pod.last_termination
        if not (pod.restarts or pod.waiting_reason or key in throttled or ended):
            continue
        finished = datetime.fromtimestamp(ended.finished, UTC) if ended and ended.finished else None
        facts.append(
            ContainerFacts(
                pod=key,
                workload=selection.workloads[key],
                restarts=pod.restarts,
                restarts_recently=restarts.get(key, 0),
                waiting_reason=pod.waiting_reason or None,
                terminated_reason=ended.reason if ended else None,
                terminated_at=finished,
                throttled_ratio=throttled.get(key),
            )
        )
    return tuple(facts)


def column_by_pod(rows: PodRows, values: Array, *, at_least: float) -> dict[PodKey, float]:
    """Return the pods whose value, shape (capacity,), reaches `at_least`."""
    return {rows.pod(int(slot)): float(values[slot]) for slot in np.flatnonzero(values >= at_least)}


def count_pods(
    incidents: Mapping[IncidentKey, Incident],
    findings: tuple[Finding, ...],
    verdict: Verdict | None,
    selection: Selection,
    rows: PodRows,
) -> tuple[dict[str, int], dict[str, int]]:
    """Count the scored and the started pods of each workload that has an incident or a finding, by its uid."""
    wanted = {i.workload.uid for i in incidents.values()} | {f.workload.uid for f in findings}
    scored: dict[str, int] = {}
    if wanted and verdict is not None and verdict.threshold is not None:
        scored = dict.fromkeys(wanted, 0)
        for slot in np.flatnonzero(verdict.known).tolist():
            if (uid := rows.workload(slot).uid) in wanted:
                scored[uid] += 1
    owners = (selection.workloads[key].uid for key, pod in selection.pods.items() if pod.phase in STARTED)
    return scored, dict(Counter(uid for uid in owners if uid in wanted))


def unjudged_pods(
    incidents: Iterable[Incident],
    findings: tuple[Finding, ...],
    verdict: Verdict | None,
    selection: Selection,
    rows: PodRows,
    with_volumes: frozenset[PodKey],
) -> frozenset[tuple[Signal, PodKey]]:
    """Return the pods of open incidents that are there, and of which nobody can say how they are now.

    A pod over the threshold that is no finding is one of them: in a storm the worst alone become objects.
    """
    found = {f.pod for f in findings if f.estimated}
    unjudged: set[tuple[Signal, PodKey]] = set()
    for incident in incidents:
        for key in incident.sick:
            pod = selection.pods.get(key)
            if pod is None or pod.phase in FINISHED or pod.created > incident.last_seen.timestamp():
                continue  # it is gone, or another one has its name
            if incident.signal in CERTAIN_SIGNALS:
                is_judged = pod.phase in STARTED
            elif incident.signal is Signal.VOLUME_FILLING:
                is_judged = key in with_volumes
            else:
                is_judged = _is_scored(rows.slot(key), verdict, is_found=key in found)
            if not is_judged:
                unjudged.add((incident.signal, key))
    return frozenset(unjudged)


def _is_scored(slot: int | None, verdict: Verdict | None, *, is_found: bool) -> bool:
    if slot is None or verdict is None or not verdict.known[slot]:
        return False
    return is_found or not (verdict.held[slot] or verdict.over[slot])


def ended_workloads(incidents: Iterable[Incident], selection: Selection) -> frozenset[str]:
    """Return the uids of the workloads with incidents whose pods have all ended."""
    wanted = {incident.workload.uid for incident in incidents}
    if not wanted:
        return frozenset()
    at_work = {
        selection.workloads[key].uid for key, pod in selection.pods.items() if pod.phase not in FINISHED
    }
    return frozenset(wanted - at_work)


def affected_pods(
    selection: Selection, incidents: Mapping[IncidentKey, Incident], now: datetime
) -> dict[PodKey, str]:
    """Return the pods in trouble, each with its workload's uid: in an open incident, or long not ready.

    A young pod is not ready because it starts; a finished one has no need to be. A pod whose volume fills is well, and
    one file system under many claims is no storm.
    """
    sick = (i for i in incidents.values() if i.is_open and i.signal is not Signal.VOLUME_FILLING)
    affected = {f.pod: i.workload.uid for i in sick for f in i.findings}
    for key, pod in selection.pods.items():
        wanted = pod.phase not in FINISHED and not pod.terminating
        if wanted and not pod.ready and now.timestamp() - pod.created > START_SECONDS:
            affected.setdefault(key, selection.workloads[key].uid)
    return affected


def clear_after(interval: timedelta, minimum_duration: timedelta) -> timedelta:
    """How long a trouble must be away before it is over: two ticks at least, and as long as it took to open."""
    return max(2 * interval, minimum_duration, timedelta(seconds=30))
