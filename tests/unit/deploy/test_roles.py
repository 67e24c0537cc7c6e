"""What no Role of ours may ever hold, whoever edits the files: read from the YAML itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from podvigil.api.actions import ActionName

DEPLOY: Final = Path(__file__).parents[3] / "deploy"


def objects(*folders: str, kind: str = "") -> Iterator[dict[str, Any]]:
    """Yield the objects of folders of deploy/, those whose kind ends in `kind`; without a folder, all that is ours."""
    for path in sorted(p for f in folders or ("base", "nodes") for p in (DEPLOY / f).rglob("*.yaml")):
        for found in yaml.safe_load_all(path.read_text()):
            if found and str(found.get("kind", "")).endswith(kind):
                yield found


ROLES: Final = [
    pytest.param(role, id=f"{role['kind']}-{role['metadata']['name']}") for role in objects(kind="Role")
]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_holds_a_wildcard(role: dict[str, Any]) -> None:
    for rule in role["rules"]:
        assert not [value for values in rule.values() for value in values if "*" in value]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_widen_itself_or_become_another(role: dict[str, Any]) -> None:
    forbidden_groups = {"rbac.authorization.k8s.io", "certificates.k8s.io", "authentication.k8s.io"}
    for rule in role["rules"]:
        assert not {"bind", "escalate", "impersonate", "sign"} & set(rule["verbs"])
        assert not forbidden_groups & set(rule["apiGroups"])
        assert not {"secrets", "serviceaccounts/token", "pods/exec", "pods/attach", "nodes/proxy"} & set(
            rule["resources"]
        )


@pytest.mark.parametrize("role", ROLES)
def test_no_role_writes_admission_policies(role: dict[str, Any]) -> None:
    for rule in role["rules"]:
        if "admissionregistration.k8s.io" in rule["apiGroups"]:
            assert set(rule["verbs"]) <= {"get", "list"}


@pytest.mark.parametrize("action", list(ActionName), ids=str)
def test_each_action_has_a_right_to_do_and_a_right_to_approve(action: ActionName) -> None:
    roles = {role["metadata"]["name"]: role for role in objects(kind="ClusterRole")}
    name = action.value.lower()
    approves = [r for r in roles[f"podvigil-approver-{name}"]["rules"] if "approve" in r["verbs"]]
    assert [(r["resources"], r["resourceNames"]) for r in approves] == [(["remediationactions"], [name])]
    assert f"podvigil-action-{name}" in roles


def test_nobody_is_given_the_right_to_approve() -> None:
    given = {b["roleRef"]["name"] for b in objects(kind="Binding") if "roleRef" in b}
    assert not [name for name in given if "approver" in name]
    assert not [r for role in objects(kind="Role") for r in role["rules"] if "auto-approve" in r["verbs"]]


@pytest.mark.parametrize(
    "deployment", list(objects("base/workloads", kind="Deployment")), ids=lambda d: d["metadata"]["name"]
)
def test_the_processes_run_without_privileges(deployment: dict[str, Any]) -> None:
    spec = deployment["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)
