"""What no Role of ours may ever hold, whoever edits the files: read from the YAML itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from podvigil.api.actions import TARGET_KINDS, ActionName

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
COMPONENTS: Final = ("nodes", "runjob")
"""Rights that are off by default. The approver's are apart: it may do what none of these may."""


def objects(*folders: str, kind: str = "") -> Iterator[dict[str, Any]]:
    """Yield the objects of folders of deploy/, those whose kind ends in `kind`; without a folder, all that is ours."""
    for path in sorted(p for f in folders or ("base", *COMPONENTS) for p in (DEPLOY / f).rglob("*.yaml")):
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


def bound(*folders: str) -> dict[str, set[str]]:
    """Return the names of the accounts of the bindings in folders of deploy/, by the name of the Role."""
    found: dict[str, set[str]] = {}
    for binding in objects(*folders, kind="RoleBinding"):
        subjects = {subject["name"].removeprefix("podvigil-") for subject in binding["subjects"]}
        found.setdefault(binding["roleRef"]["name"], set()).update(subjects)
    return found


def rows(header: str) -> list[list[str]]:
    """Return the rows of the table of SECURITY.md that begins with `header`."""
    lines = (DEPLOY.parent / "SECURITY.md").read_text().split(header, 1)[1].splitlines()[2:]
    table = lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


@pytest.mark.parametrize(("column", "account"), [(1, "analyst"), (2, "executor"), (3, "approver")])
def test_what_an_account_reads_is_in_the_table(column: int, account: str) -> None:
    folders = ("base", *COMPONENTS, "approver")
    roles = {role["metadata"]["name"]: role for role in objects(*folders, kind="Role")}
    held = [roles[name] for name, accounts in bound(*folders).items() if account in accounts]
    reads = {
        resource
        for role in held
        for rule in role["rules"]
        for resource in rule["resources"]
        if {"get", "list", "watch"} & set(rule["verbs"])
        and "podvigil.io" not in rule["apiGroups"]
        and "/" not in resource
    }
    assert words(rows("| | analyst | executor | approver |")[0][column]) == reads


def test_what_the_executor_may_change_is_in_the_table() -> None:
    roles = {role["metadata"]["name"]: role for role in objects(kind="ClusterRole")}
    listed = {next(iter(words(row[0]))): row for row in rows("| ClusterRole | bound |")}
    assert set(listed) == {name for name in roles if name.startswith("podvigil-action-")}
    for name, row in listed.items():
        rules = [r for r in roles[name]["rules"] if "remediationactions" not in r["resources"]]
        assert words(row[2]) == {word for r in rules for word in (*r["verbs"], *r["resources"])}, name
        assert row[1] == ("yes" if name in bound("base") else "no"), name


def test_what_people_ask_for_others_decide() -> None:
    (role,) = (r for r in objects(kind="ClusterRole") if r["metadata"]["name"] == "podvigil-proposer")
    about = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    assert about.pop("remediationrequests") == {"get", "list", "watch", "create"}
    assert all(verbs <= {"get", "list", "watch"} for verbs in about.values())
    kinds = {f"{kind.lower()}s" for kinds in TARGET_KINDS.values() for kind in kinds} - {"nodes"}
    assert kinds <= set(about), "who asks must name the target's uid and generation"
    assert "podvigil-proposer" not in bound()


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
