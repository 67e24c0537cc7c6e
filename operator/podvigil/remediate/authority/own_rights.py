"""Which of our own rights would let us decide: an executor that has one is no executor."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.resources import REMEDIATIONACTIONS, REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster

DECIDING: Final = ("approve", "auto-approve")
"""Verbs on an action."""

WRITING: Final = ("patch", "update")
"""Verbs on a request, by which a decision is written."""


def deciding_rights(rules: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the rights among an account's RBAC rules that would let it decide, e.g. `approve restart`.

    Args:
        rules: `status.resourceRules` of a SelfSubjectRulesReview.
    """
    return tuple(sorted({right for rule in rules for right in _deciding(rule)}))


def _deciding(rule: Mapping[str, Any]) -> Iterator[str]:
    def holds(field: str, value: str) -> bool:
        return bool({"*", value} & set(rule.get(field) or ()))

    if not holds("apiGroups", REMEDIATIONREQUESTS.group):
        return
    for verb in DECIDING:
        if holds("resources", REMEDIATIONACTIONS.plural) and holds("verbs", verb):
            yield from (f"{verb} {name}" for name in rule.get("resourceNames") or ("every action",))
    for verb in WRITING:
        if holds("resources", REMEDIATIONREQUESTS.plural) and holds("verbs", verb):
            yield f"{verb} {REMEDIATIONREQUESTS.plural}"


async def own_deciding_rights(cluster: Cluster, namespace: str) -> tuple[str, ...]:
    """Ask the API server for our own rights in a namespace. Raises: ClusterError.

    One review tells all rules, of actions that other packages add too. Where an authorizer cannot list its rules
    (a webhook), each right is asked for alone.
    """
    rules = await cluster.my_rules(namespace)
    if rules is not None:
        return deciding_rights(rules)
    asked = {
        f"{verb} {action.lower()}": cluster.can_i(
            verb, REMEDIATIONACTIONS, namespace=namespace, name=action.lower()
        )
        for action in ActionName
        for verb in DECIDING
    } | {
        f"{verb} {REMEDIATIONREQUESTS.plural}": cluster.can_i(verb, REMEDIATIONREQUESTS, namespace=namespace)
        for verb in WRITING
    }
    allowed = await asyncio.gather(*asked.values())
    return tuple(right for right, yes in zip(asked, allowed, strict=True) if yes)
