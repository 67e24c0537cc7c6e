"""A pod that two PodDisruptionBudgets cover is never evicted: better known before the first pod goes."""

from datetime import datetime

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.remediate.actions.drain.filters import Fate, sort_pods
from podvigil.remediate.actions.drain.order import budgets_of
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

SHOWN_MAX = 5


def one_budget_each(ctx: Context, now: datetime) -> Refusal | None:
    """No pod that a drain must move has more than one budget: the eviction API answers 500 then."""
    if ctx.node is None or ctx.action != ActionName.DRAIN:
        return None
    found = []
    for pod in sort_pods(ctx.node, ctx.plan)[Fate.EVICT]:
        asked = budgets_of(pod, ctx.node.around.budgets)
        if len(asked) > 1:
            found.append(f"{pod} ({', '.join(budget.name for budget in asked)})")
    if not found:
        return None
    more = f" and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
    return Refusal(
        Reason.EVICTION_IMPOSSIBLE,
        f"more than one PodDisruptionBudget covers {', '.join(found[:SHOWN_MAX])}{more}: none of them is ever evicted",
    )
