"""When the gate stands: every part of it is looked at, and a flaw is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from podvigil.cluster.errors import Unavailable
from podvigil.remediate.authority.gate import GateFacts, judge, unseen
from samples import changed

SHIPPED = list(
    yaml.safe_load_all(
        (Path(__file__).parents[3] / "deploy/base/gate/approval.yaml").read_text(encoding="utf-8")
    )
)
POLICY = changed(
    SHIPPED[0], {"metadata.generation": 1, "status": {"observedGeneration": 1, "typeChecking": {}}}
)
BINDING = SHIPPED[1]
RULE = POLICY["spec"]["matchConstraints"]["resourceRules"][0]
REFUSED = "ValidatingAdmissionPolicy 'podvigil-approval' with binding 'podvigil-approval' denied request: no"
STANDING = GateFacts(policy=POLICY, bindings=(BINDING,), probe=REFUSED, own_rights=())


def policy(path: str, value: Any) -> dict[str, Any]:
    return {"policy": changed(POLICY, {path: value})}


def test_what_is_shipped_stands() -> None:
    assert judge(STANDING).standing


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"policy": None}, "does not exist", id="no-policy"),
        pytest.param({"bindings": ()}, "is not bound", id="no-binding"),
        pytest.param(
            {"bindings": (changed(BINDING, {"spec.validationActions": ["Audit"]}),)},
            "does not deny",
            id="audit-only",
        ),
        pytest.param(
            {
                "bindings": (
                    changed(BINDING, {"spec.matchResources.namespaceSelector.matchLabels": {"a": "b"}}),
                )
            },
            "narrowed by its namespaceSelector",
            id="bound-for-some-namespaces",
        ),
        pytest.param(policy("spec.failurePolicy", "Ignore"), "failurePolicy Ignore", id="fails-open"),
        pytest.param(
            policy("spec.matchConditions", [{"name": "a", "expression": "false"}]),
            "has matchConditions",
            id="only-where-a-condition-holds",
        ),
        pytest.param(policy("spec.validations", []), "no validations", id="empty-policy"),
        pytest.param(
            policy("spec.matchConstraints.resourceRules", [{**RULE, "operations": ["CREATE"]}]),
            "does not match UPDATE",
            id="updates-pass",
        ),
        pytest.param(
            policy("spec.matchConstraints.resourceRules", [{**RULE, "resourceNames": ["a"]}]),
            "does not match CREATE",
            id="only-some-names",
        ),
        pytest.param(
            policy("spec.matchConstraints.objectSelector", {"matchLabels": {"a": "b"}}),
            "narrowed by its objectSelector",
            id="only-some-labels",
        ),
        pytest.param(
            policy(
                "status.typeChecking.expressionWarnings",
                [{"fieldRef": "spec.validations[0]", "warning": "w"}],
            ),
            "type-checking warnings, the first at spec.validations[0]",
            id="does-not-compile",
        ),
        pytest.param(policy("status", {}), "not type-checked yet", id="just-applied"),
        pytest.param(
            {"probe": None}, "accepts a request that is created already approved", id="door-is-open"
        ),
        pytest.param(
            {"probe": 'User "x" cannot create resource "remediationrequests"'},
            "refused, but not by podvigil-approval",
            id="refused-by-someone-else",
        ),
        pytest.param(
            {"own_rights": ("approve Restart",)}, "may itself approve Restart", id="may-approve-itself"
        ),
    ],
)
def test_a_flaw_is_named(change: dict[str, Any], said: str) -> None:
    gate = judge(replace(STANDING, **change))
    assert not gate.standing
    assert said in gate.message


def test_all_flaws_are_named_at_once() -> None:
    gate = judge(GateFacts(policy=None, bindings=(), probe=None, own_rights=("patch remediationrequests",)))
    assert gate.message.count(";") == 3


def test_what_cannot_be_seen_does_not_stand() -> None:
    assert not unseen(Unavailable(0, "ConnectionRefused", "nobody there")).standing
