"""Whether the approval gate stands: if not, nothing is executed, whatever a request says.

A policy that is absent, unbound or does not compile leaves the door open in silence; so its parts are read,
and the server is asked to refuse what it must refuse. `judge` is pure; `gather_gate` makes the calls.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.resources import (
    REMEDIATIONREQUESTS,
    VALIDATINGADMISSIONPOLICIES,
    VALIDATINGADMISSIONPOLICYBINDINGS,
)
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError, Forbidden, Invalid
from podvigil.remediate.authority.own_rights import own_deciding_rights

POLICY: Final = "podvigil-approval"
"""Name of the ValidatingAdmissionPolicy that demands an approver's right."""

NAMESPACED_SCOPES: Final = frozenset({"Namespaced", "*", None})
"""Scopes of a rule that take in namespaced objects."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether it stands, and why not."""

    standing: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What was found about the gate."""

    policy: Json | None
    bindings: tuple[Json, ...]
    """Those of the policy."""
    probe: str | None
    """What the server said to a dry-run create of an approved request; None: it accepted it."""
    own_rights: tuple[str, ...]
    """Rights of ours that would let us decide."""


def judge(facts: GateFacts) -> Gate:
    """Say whether the gate stands; every flaw is named at once."""
    flaws = [*_policy_flaws(facts.policy), *_binding_flaws(facts.bindings), *_probe_flaws(facts.probe)]
    if facts.own_rights:
        flaws.append(
            f"this executor may itself {', '.join(facts.own_rights)}: run it under its own ServiceAccount"
        )
    if flaws:
        return Gate(False, Reason.GATE_NOT_STANDING, "; ".join(flaws))
    return Gate(
        True, Reason.GATE_STANDING, f"ValidatingAdmissionPolicy {POLICY} refuses unapproved decisions"
    )


def unseen(error: ClusterError) -> Gate:
    """Return the gate when it could not be looked at: not standing."""
    return Gate(False, Reason.GATE_NOT_STANDING, f"the gate cannot be checked: {error}")


NOT_CHECKED: Final = Gate(False, Reason.GATE_NOT_STANDING, "the gate was not checked yet")


def _policy_flaws(policy: Json | None) -> list[str]:
    if policy is None:
        return [f"ValidatingAdmissionPolicy {POLICY} does not exist"]
    flaws = []
    spec, status = policy.get("spec") or {}, policy.get("status") or {}
    if spec.get("failurePolicy", "Fail") != "Fail":
        flaws.append(f"{POLICY} has failurePolicy {spec['failurePolicy']}, not Fail")
    if not spec.get("validations"):
        flaws.append(f"{POLICY} has no validations")
    if spec.get("matchConditions"):
        flaws.append(f"{POLICY} has matchConditions: what they leave out is decided by nobody's right")
    matched = spec.get("matchConstraints") or {}
    for operation in ("CREATE", "UPDATE"):
        if not any(_covers(rule, operation) for rule in matched.get("resourceRules") or ()):
            flaws.append(f"{POLICY} does not match {operation} of remediationrequests")
    flaws += [f"{POLICY} {flaw}" for flaw in _narrowings(matched)]
    if matched.get("excludeResourceRules"):
        flaws.append(f"{POLICY} has excludeResourceRules")
    checked = status.get("typeChecking")
    if status.get("observedGeneration") != (policy.get("metadata") or {}).get("generation"):
        flaws.append(f"{POLICY} was not type-checked yet")
    if warnings := (checked or {}).get("expressionWarnings"):
        flaws.append(f"{POLICY} has type-checking warnings, the first at {warnings[0].get('fieldRef')}")
    return flaws


def _covers(rule: Json, operation: str) -> bool:
    def named(field: str, value: str) -> bool:
        values = rule.get(field) or ()
        return "*" in values or value in values

    return (
        named("apiGroups", REMEDIATIONREQUESTS.group)
        and named("apiVersions", REMEDIATIONREQUESTS.version)
        and named("resources", REMEDIATIONREQUESTS.plural)
        and named("operations", operation)
        and not rule.get("resourceNames")
        and rule.get("scope") in NAMESPACED_SCOPES
    )


def _narrowings(matched: Json) -> list[str]:
    return [
        f"is narrowed by its {key}" for key in ("namespaceSelector", "objectSelector") if matched.get(key)
    ]


def _binding_flaws(bindings: tuple[Json, ...]) -> list[str]:
    if not bindings:
        return [f"{POLICY} is not bound: no ValidatingAdmissionPolicyBinding names it"]
    flaws: list[str] = []
    for binding in bindings:
        spec = binding["spec"]
        here = [] if "Deny" in (spec.get("validationActions") or ()) else ["does not deny"]
        matched = spec.get("matchResources") or {}
        here += _narrowings(matched)
        if matched.get("resourceRules") or matched.get("excludeResourceRules"):
            here.append("is narrowed by resource rules")
        if not here:
            return []  # one binding that denies everywhere is enough
        flaws += [f"binding {binding['metadata']['name']} {flaw}" for flaw in here]
    return flaws


def _probe_flaws(probe: str | None) -> list[str]:
    if probe is None:
        return ["the API server accepts a request that is created already approved (dry run)"]
    if f"'{POLICY}'" not in probe:
        return [f"a dry-run create of an approved request was refused, but not by {POLICY}: {probe[:200]}"]
    return []


async def gather_gate(cluster: Cluster, own_namespace: str, namespace: str | None = None) -> GateFacts:
    """Read the policy and its bindings, and try the door.

    Args:
        own_namespace: where the dry-run create is tried; the only namespace we may create in.
        namespace: ask for our own rights there, since a Role there could grant them; else in `own_namespace`.

    Raises: ClusterError when something cannot be asked.
    """
    me = await cluster.whoami()
    policy, bindings, probe, own_rights = await asyncio.gather(
        cluster.find(VALIDATINGADMISSIONPOLICIES, POLICY),
        cluster.list(VALIDATINGADMISSIONPOLICYBINDINGS),
        _probe(cluster, own_namespace, me),
        own_deciding_rights(cluster, namespace or own_namespace),
    )
    return GateFacts(
        policy=policy,
        bindings=tuple(b for b in bindings if b["spec"].get("policyName") == POLICY),
        probe=probe,
        own_rights=own_rights,
    )


async def _probe(cluster: Cluster, namespace: str, me: str) -> str | None:
    try:
        await cluster.create(REMEDIATIONREQUESTS, _approved_request(namespace, me), namespace, dry_run=True)
    except (Forbidden, Invalid) as refused:
        return refused.message
    return None


def _approved_request(namespace: str, me: str) -> Json:
    """Return a request that no server with a standing gate may accept; it is never kept."""
    nothing = {"name": "gate-check", "uid": "gate-check"}
    return {
        "apiVersion": REMEDIATIONREQUESTS.api_version,
        "kind": REMEDIATIONREQUESTS.kind,
        "metadata": {"generateName": "gate-check-", "namespace": namespace},
        "spec": {
            "requestedBy": me,
            "plan": {
                "action": ActionName.RESTART.value,
                "target": {"apiVersion": "apps/v1", "kind": "Deployment", "generation": 1, **nothing},
                "report": {"signal": "MemoryHigh", **nothing},
                "monitor": "gate-check",
                "message": "Tries whether the approval gate refuses; a dry run.",
                "expiresAt": "2999-01-01T00:00:00Z",
            },
            "approval": {"decision": "Approved", "approvedBy": me},
        },
    }
