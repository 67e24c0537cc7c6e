"""What each way of restarting answers; `Restart` chooses one by the plan and the target."""

from datetime import datetime
from typing import Protocol

from podvigil.api.request import Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import Change, Disruption, Made, Progress, Rehearsal, Right
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState


class Way(Protocol):
    """One way of replacing pods; the methods are those of `Action`, for this way."""

    replaces_all: bool
    """Whether every pod is new afterwards, with no restarts of its own yet."""

    def rights(self, target: WorkloadState, plan: Plan) -> tuple[Right, ...]:
        """Return the rights that this way needs."""
        ...

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """Say why this way cannot be gone with this target."""
        ...

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Return what would be done."""
        ...

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Return how running pods would be disturbed."""
        ...

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """Return where the change stands."""
        ...

    async def rehearse(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change
    ) -> Rehearsal:
        """Have the server dry-run the very calls. Raises: ClusterError when it cannot say."""
        ...

    async def execute(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> Made:
        """Make the change, or the next bounded part of it. Raises: ClusterError."""
        ...
