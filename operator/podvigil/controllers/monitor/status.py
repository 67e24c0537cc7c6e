"""What an AnomalyMonitor's status says after a tick. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from podvigil.api.conditions import ConditionStatus, set_condition
from podvigil.api.monitor import MonitorStatus
from podvigil.api.reasons import Reason
from podvigil.remediate.validation.outcomes import NOTHING_LEARNT, Memory

READY: Final = "Ready"
MODEL_LOADED: Final = "ModelLoaded"
METRICS_AVAILABLE: Final = "MetricsAvailable"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be done, for a condition, an event and a metric alike."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class TickFacts:
    """What one tick came to."""

    duration_seconds: float = 0.0
    spec_trouble: Trouble | None = None
    """The monitor cannot be used, or selects nothing."""
    source_trouble: Trouble | None = None
    model: Trouble = Trouble(Reason.STARTING, "no model was loaded yet")
    """Reason ModelLoaded, ModelBroken, ModelNotUsed or Starting."""
    watched: int = 0
    scored: int = 0
    without_room: int = 0
    active: int = 0
    held_back: int = 0
    missed: int = 0
    threshold: float | None = None
    history_days: float = 0.0
    """Of the source, that the habits were filled in from."""
    window: int = 0
    """Pods that the window has room for."""
    pods_affected: int = 0
    """Pods in trouble: reported, or not ready."""
    workloads_affected: int = 0
    ticks_since_change: int = 0
    """Evaluations since the start, or since the model or what counts as abnormal changed."""
    memory: Memory = NOTHING_LEARNT


def status_after(before: MonitorStatus, facts: TickFacts, *, generation: int, now: datetime) -> MonitorStatus:
    """Return the status to write after a tick."""
    conditions = before.conditions
    ready = ready_trouble(facts)
    conditions = set_condition(
        conditions,
        READY,
        ready is None,
        ready.reason if ready else Reason.RUNNING,
        ready.message if ready else _running(facts),
        now=now,
        generation=generation,
    )
    if facts.model.reason is not Reason.STARTING:
        conditions = set_condition(
            conditions,
            MODEL_LOADED,
            facts.model.reason is Reason.MODEL_LOADED,
            facts.model.reason,
            facts.model.message,
            now=now,
            generation=generation,
        )
    source = facts.source_trouble
    unknown = source is None and facts.spec_trouble is not None
    conditions = set_condition(
        conditions,
        METRICS_AVAILABLE,
        ConditionStatus.UNKNOWN if unknown else source is None,
        source.reason
        if source
        else facts.spec_trouble.reason
        if facts.spec_trouble
        else Reason.METRICS_FRESH,
        source.message
        if source
        else "not asked"
        if unknown
        else f"samples of {facts.watched} pods were read",
        now=now,
        generation=generation,
    )
    unseen = facts.spec_trouble is not None or source is not None
    return MonitorStatus(
        conditions=conditions,
        observed_generation=generation,
        pods_watched=facts.watched,
        pods_scored=0 if unseen else facts.scored,
        pods_affected=facts.pods_affected,
        workloads_affected=facts.workloads_affected,
        reports_active=facts.active,
        ticks_since_change=facts.ticks_since_change,
        last_tick_time=before.last_tick_time if unseen else now.replace(microsecond=0),
        last_tick_duration=f"{facts.duration_seconds:.2f}s",
        missed_ticks=facts.missed,
        threshold_milli=None if facts.threshold is None else round(1000 * facts.threshold),
        outcomes=facts.memory.counts or None,
        outcomes_forgotten_until=facts.memory.forgotten_until,
    )


def ready_trouble(facts: TickFacts) -> Trouble | None:
    """Return why the monitor does not do all that it was asked for; None when it does."""
    if facts.spec_trouble:
        return facts.spec_trouble
    if facts.source_trouble:
        return facts.source_trouble
    if facts.without_room:
        return Trouble(
            Reason.WINDOW_FULL,
            f"{facts.without_room} selected pods are not watched: the window holds {facts.window}; select fewer "
            "pods, or raise the setting maximum_pods",
        )
    if facts.threshold is None:
        return Trouble(
            Reason.WARMING_UP,
            f"{facts.watched} pods are watched; there is too little history yet to know what is normal",
        )
    return None


def _running(facts: TickFacts) -> str:
    text = f"{facts.scored} of {facts.watched} pods have a score; the others are unknown, not normal"
    if facts.scored == facts.watched:
        text = f"all {facts.watched} pods have a score"
    if facts.held_back:
        text += (
            f"; {facts.held_back} more incidents are over the cap spec.reports.maximumActive and not reported"
        )
    return text
