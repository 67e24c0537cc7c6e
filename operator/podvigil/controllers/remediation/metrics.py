"""What the executor counts. Labels are closed sets: reasons, actions, codes; never names."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ExecutorMetrics:
    """Counters and gauges of one executor, in the registry that `/metrics` serves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.finished = Counter(
            "podvigil_requests_finished_total",
            "Remediation requests that reached their end, by action and outcome.",
            ["action", "outcome"],
            registry=registry,
        )
        self.refusals = Counter(
            "podvigil_refusals_total",
            "Remediation requests held back or ended, by the reason shown in their condition.",
            ["reason"],
            registry=registry,
        )
        self.changes = Counter(
            "podvigil_changes_total", "Changes made to workloads, by action.", ["action"], registry=registry
        )
        self.rollbacks = Counter(
            "podvigil_rollbacks_total",
            "Rollbacks asked for, by action and how they ended.",
            ["action", "reason"],
            registry=registry,
        )
        self.errors = Counter(
            "podvigil_executor_errors_total",
            "Passes that were cut short, by HTTP status (0: no answer), or `unreadable` or `bug`.",
            ["status"],
            registry=registry,
        )
        self.gate_standing = Gauge(
            "podvigil_gate_standing",
            "1 while the approval gate stands; 0: nothing is executed.",
            registry=registry,
        )
        self.waiting = Gauge(
            "podvigil_executor_queue_length", "Requests that wait for a look.", registry=registry
        )
        self.dropped = Counter(
            "podvigil_executor_queue_dropped_total",
            "Requests dropped because the queue was full.",
            registry=registry,
        )
        self.undecided = Gauge(
            "podvigil_requests_awaiting_approval",
            "Open requests that nobody has approved, denied or cancelled.",
            registry=registry,
        )
