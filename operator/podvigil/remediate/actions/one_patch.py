"""What the actions of a single patch have in common: the very patch that is made is rehearsed before."""

from abc import ABC, abstractmethod
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from podvigil.api.request import Plan
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    TIME_LIMIT,
    Change,
    Made,
    Rehearsal,
    Right,
    rehearse_patch,
    right_to_patch,
)
from podvigil.remediate.targets.base import TargetState

T = TypeVar("T", bound=TargetState)


class OnePatch(ABC, Generic[T]):
    """Needs the right to that patch, and is done with it: what follows from it belongs to the validation."""

    subresource: ClassVar[str | None] = None
    """Of the target, where the patch goes there."""

    @abstractmethod
    async def send(
        self, cluster: Cluster, target: T, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Send the patch; return the object as it is afterwards. Raises: ClusterError."""

    def rights(self, target: T, plan: Plan) -> tuple[Right, ...]:
        """One: to patch this very target, or its subresource."""
        return (right_to_patch(target, self.subresource),)

    def time_limit(self, plan: Plan) -> timedelta:
        """As long as a patch is tried again."""
        return TIME_LIMIT

    async def rehearse(self, cluster: Cluster, target: T, plan: Plan, change: Change) -> Rehearsal:
        """Dry-run the patch. Raises: ClusterError for what may pass."""
        call = partial(self.send, cluster, target, plan, change)
        return await rehearse_patch(cluster, target, call, self.subresource)

    async def execute(self, cluster: Cluster, target: T, plan: Plan, change: Change) -> Made:
        """Patch. Raises: ClusterError."""
        await self.send(cluster, target, plan, change, dry_run=False)
        return Made()
