"""What the analyst counts. Labels come from closed sets and the monitors' names, never from pods."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from podvigil.api.reasons import Reason
from podvigil.controllers.monitor.status import TickFacts
from podvigil.remediate.validation.outcomes import Learnt

_TICK_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)
_DAY_SECONDS = 86_400


class MonitorMetrics:
    """The analyst's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"podvigil_{name}", about, ["monitor", *labels], registry=registry)

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"podvigil_{name}", about, ["monitor", *labels], registry=registry)

        self.ticks = counter("ticks_total", "Evaluations of a monitor, by how they ended.", "outcome")
        self.missed_ticks = counter(
            "missed_ticks_total", "Evaluations that fell out because one took too long."
        )
        self.tick_duration = Histogram(
            "podvigil_tick_duration_seconds",
            "Time of one evaluation.",
            ["monitor"],
            buckets=_TICK_SECONDS,
            registry=registry,
        )
        self.last_tick = gauge("last_tick_timestamp_seconds", "When the last evaluation ended well.")
        self.pods = gauge("pods", "Pods by whether they have a score.", "state")
        self.not_watched = gauge("pods_not_watched", "Selected pods for which the window has no room.")
        self.source_errors = counter("source_errors_total", "Evaluations without data, by reason.", "reason")
        self.model_loaded = gauge(
            "model_loaded", "1 while the network scores, 0 while the statistics do alone."
        )
        self.threshold = gauge("score_threshold", "Score from which a pod is abnormal.")
        self.history = gauge(
            "history_seconds", "Length of the source's history that the habits were filled in from."
        )
        self.reports_active = gauge("reports_active", "Reports active now.")
        self.reports_opened = counter("reports_opened_total", "Reports opened, by signal.", "signal")
        self.reports_held_back = gauge("reports_held_back", "Incidents over the cap on active reports.")
        self.write_errors = counter(
            "write_errors_total", "Writes that the API server did not take.", "reason"
        )
        self.proposals = counter("proposals_total", "Requests proposed or withheld, by reason.", "reason")
        self.outcomes = counter(
            "action_outcomes_total",
            "What became of actions, by signal and outcome.",
            "action",
            "signal",
            "outcome",
        )

    def learnt(self, monitor: str, counted: Iterable[Learnt]) -> None:
        """Count what was learnt of past actions."""
        for action, signal, outcome in counted:
            self.outcomes.labels(monitor, action, signal.value, outcome.value).inc()

    def observe(self, monitor: str, facts: TickFacts, now: datetime) -> None:
        """Count one tick."""
        trouble = facts.spec_trouble or facts.source_trouble
        self.ticks.labels(monitor, trouble.reason.value if trouble else "Evaluated").inc()
        self.tick_duration.labels(monitor).observe(facts.duration_seconds)
        if trouble is None:
            self.last_tick.labels(monitor).set(now.timestamp())
        if facts.source_trouble:
            self.source_errors.labels(monitor, facts.source_trouble.reason.value).inc()
        self.pods.labels(monitor, "scored").set(facts.scored)
        self.pods.labels(monitor, "unknown").set(facts.watched - facts.scored)
        self.not_watched.labels(monitor).set(facts.without_room)
        self.model_loaded.labels(monitor).set(facts.model.reason is Reason.MODEL_LOADED)
        self.history.labels(monitor).set(facts.history_days * _DAY_SECONDS)
        self.reports_active.labels(monitor).set(facts.active)
        self.reports_held_back.labels(monitor).set(facts.held_back)
        if facts.threshold is not None:
            self.threshold.labels(monitor).set(facts.threshold)

    def forget(self, monitor: str) -> None:
        """Drop the gauges of a monitor that is gone."""
        for metric in (self.last_tick, self.not_watched, self.model_loaded, self.threshold,
                       self.history, self.reports_active, self.reports_held_back, self.pods):  # fmt: skip
            metric.remove_by_labels({"monitor": monitor})
