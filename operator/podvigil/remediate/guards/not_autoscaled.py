"""An autoscaler would undo what we set: its bounds are what a person should change."""

from datetime import datetime

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def not_autoscaled(ctx: Context, now: datetime) -> Refusal | None:
    """No HorizontalPodAutoscaler owns the replica count (KEDA makes them too), and no vertical one the resources."""
    if ctx.action == ActionName.SCALE and ctx.autoscalers:
        return Refusal(
            Reason.AUTOSCALED,
            f"HorizontalPodAutoscaler {', '.join(ctx.autoscalers)} owns the replica count of {ctx.written()}: "
            "change its bounds instead (minReplicas; of a ScaledObject, minReplicaCount)",
        )
    if ctx.action == ActionName.SET_RESOURCES and ctx.limits.verticals:
        return Refusal(
            Reason.AUTOSCALED,
            f"VerticalPodAutoscaler {', '.join(ctx.limits.verticals)} sets the resources of {ctx.written()}: "
            "change its containerPolicies instead (minAllowed, maxAllowed)",
        )
    return None
