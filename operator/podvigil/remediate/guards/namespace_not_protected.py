"""Some namespaces are never touched, whatever is found there."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from podvigil.api.actions import CLUSTER_SCOPED
from podvigil.api.reasons import Reason
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

SYSTEM_PREFIX: Final = "kube-"
"""Reserved for Kubernetes' own namespaces."""


def is_protected(namespace: str, own_namespace: str, protected: Collection[str]) -> bool:
    """Return whether nothing may be changed in the namespace."""
    return namespace.startswith(SYSTEM_PREFIX) or namespace == own_namespace or namespace in protected


def namespace_not_protected(ctx: Context, now: datetime) -> Refusal | None:
    """Not Kubernetes' own, not ours, none that the monitor protects."""
    if ctx.plan.target.kind in CLUSTER_SCOPED:
        return None  # it lies in no namespace; its request lies in ours
    protected = ctx.rules.protected_namespaces if ctx.rules else ()
    if not is_protected(ctx.namespace, ctx.own_namespace, protected):
        return None
    return Refusal(
        Reason.PROTECTED_NAMESPACE, f"namespace {ctx.namespace} is protected: nothing is changed there"
    )
