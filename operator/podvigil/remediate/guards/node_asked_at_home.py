"""A node belongs to no team's namespace: the right to decide there must not open it."""

from datetime import datetime

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal


def node_asked_at_home(ctx: Context, now: datetime) -> Refusal | None:
    """A request about a node lies in the operator's namespace, so that approving it takes a right given there.

    The gate asks for the right in the request's namespace: whoever may approve drains in their own could else create
    a request there and have the whole cluster's nodes.
    """
    if ctx.plan.target.kind not in CLUSTER_SCOPED or ctx.namespace == ctx.own_namespace:
        return None
    return Refusal(
        Reason.WRONG_NAMESPACE,
        f"a request about {ctx.written()} lies in namespace {ctx.own_namespace}, not in {ctx.namespace}",
    )
