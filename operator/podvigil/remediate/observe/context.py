"""Everything a decision about one request needs, read once and frozen."""

from dataclasses import dataclass
from datetime import datetime

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, RemediationMode, RemediationSpec
from podvigil.api.report import AnomalyReport
from podvigil.api.request import Decision, Execution, Plan, RemediationRequest
from podvigil.remediate.authority.gate import Gate
from podvigil.remediate.observe.limits import NO_LIMITS, Limits
from podvigil.remediate.observe.surroundings import NOTHING_AROUND, Surroundings
from podvigil.remediate.targets.base import TargetState
from podvigil.remediate.targets.node import NodeState
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.outcomes import Memory, memory_of
from podvigil.remediate.validation.siblings import Neighbourhood


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget that covers pods of the target."""

    name: str
    disruptions_allowed: int
    namespace: str | None = None
    """Where it is not that of the request: the pods of a node are of many."""


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """Another request for the same target."""

    name: str
    created: str
    """As the API server writes it: RFC 3339 in UTC, so texts sort as times do."""
    target: str = ""
    """Name of its target."""
    is_approved: bool = False
    is_claimed: bool = False
    is_finished: bool = False
    changed_at: datetime | None = None
    """When it last changed the target, if it did: by its change, a part of one, or the way back."""

    @property
    def rank(self) -> tuple[bool, str, str]:
        """The order among open requests: the one that is at work, then the older, then by name."""
        return (not self.is_claimed, self.created, self.name)


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about one request. `None` means: not there. What cannot be seen raises while gathering."""

    request: RemediationRequest
    target: TargetState | None
    report: AnomalyReport | None
    monitor: AnomalyMonitor | None
    gate: Gate
    missing_rights: tuple[str, ...]
    """Rights that the change needs and our ServiceAccount does not have, e.g. `patch deployments in shop`."""
    own_namespace: str
    executor: str
    """Name of this executor process."""
    budgets: tuple[Budget, ...] = ()
    autoscalers: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    everything_paused: str | None = None
    """Why nothing at all may be changed; None: it may."""
    surroundings: Surroundings = NOTHING_AROUND
    around: Neighbourhood | None = None
    """The target's namespace; None while nothing is compared with it, and for what lies in none."""
    others: tuple[OtherRequest, ...] = ()
    elsewhere: tuple[OtherRequest, ...] = ()
    """Requests about other nodes, when this one is about a node."""

    @property
    def plan(self) -> Plan:
        """What would be done."""
        return self.request.spec.plan

    @property
    def action(self) -> str:
        """The name of the plan's action."""
        return self.plan.action

    @property
    def workload(self) -> WorkloadState | None:
        """The target, if it is a workload."""
        return self.target if isinstance(self.target, WorkloadState) else None

    @property
    def node(self) -> NodeState | None:
        """The target, if it is a node."""
        return self.target if isinstance(self.target, NodeState) else None

    @property
    def namespace(self) -> str:
        """Where the request, its report and its target are."""
        return str(self.request.metadata["namespace"])

    @property
    def uid(self) -> str:
        """UID of the request."""
        return str(self.request.metadata["uid"])

    @property
    def rules(self) -> RemediationSpec | None:
        """The monitor's rules, if there is a monitor."""
        return self.monitor.spec.remediation if self.monitor else None

    @property
    def memory(self) -> Memory:
        """What became of past actions, as the monitor's status has it."""
        return memory_of(self.monitor.status) if self.monitor else Memory()

    @property
    def paused(self) -> str | None:
        """Why a person holds this back; None: nobody does."""
        if self.everything_paused is None and self.rules is not None and self.rules.paused:
            return f"AnomalyMonitor {self.plan.monitor} has remediation.paused set"
        return self.everything_paused

    @property
    def execution(self) -> Execution | None:
        """How far the change has come; None before the claim."""
        return self.request.status.execution

    @property
    def decision(self) -> Decision | None:
        """What a person decided."""
        approval = self.request.spec.approval
        return approval.decision if approval else None

    @property
    def is_dry_run(self) -> bool:
        """Whether only dry runs are wanted: by the plan, or by the monitor since."""
        rules = self.rules
        return self.plan.dry_run or (rules is not None and rules.mode is RemediationMode.SUGGEST_AND_DRY_RUN)

    @property
    def interval_seconds(self) -> float:
        """How often the analyst judges, in seconds; 0 without a monitor."""
        return parse_duration(self.monitor.spec.interval).total_seconds() if self.monitor else 0.0

    @property
    def rank(self) -> tuple[bool, str, str]:
        """This request's place among the open ones of its target; see OtherRequest.rank."""
        metadata = self.request.metadata
        return (self.execution is None, str(metadata.get("creationTimestamp", "")), str(metadata["name"]))

    def written(self) -> str:
        """Name the target for people, e.g. `Deployment shop/cart` or `Node node-1`."""
        target = self.plan.target
        if target.kind in CLUSTER_SCOPED:
            return f"{target.kind} {target.name}"
        return f"{target.kind} {self.namespace}/{target.name}"
