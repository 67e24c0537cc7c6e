"""What the approver counts. Labels are closed sets; never names."""

from prometheus_client import CollectorRegistry, Counter


class ApproverMetrics:
    """Counters of one approver, in the registry that `/metrics` serves."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.approvals = Counter(
            "podvigil_auto_approvals_total",
            "Requests approved by a rule, by action.",
            ["action"],
            registry=registry,
        )
        self.left_to_people = Counter(
            "podvigil_auto_approvals_withheld_total",
            "Looks at undecided requests that ended without an approval, by reason.",
            ["reason"],
            registry=registry,
        )
        self.errors = Counter(
            "podvigil_approver_errors_total",
            "Passes that were cut short, by HTTP status (0: no answer), or `unreadable` or `bug`.",
            ["status"],
            registry=registry,
        )
