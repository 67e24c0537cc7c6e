"""deploy/ on a real API server: taken whole, without a warning, and giving no right beyond what is meant."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest
import yaml

from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from podvigil.api.actions import ActionName
from samples import Object, monitor
from shop import DEADLINE_SECONDS

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
SYSTEM: Final = "podvigil-system"
ANALYST: Final = "analyst"
EXECUTOR: Final = "executor"
WORKLOADS: Final = ("deployments.apps", "statefulsets.apps", "daemonsets.apps")


def account(process: str) -> str:
    """Return the user name of a process."""
    return f"system:serviceaccount:{SYSTEM}:podvigil-{process}"


@pytest.fixture(scope="module")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """The installation, without the processes themselves."""
    done = control_plane.kubectl("apply", "-k", str(DEPLOY / "overlays/local"))
    assert done.stderr == ""
    control_plane.wait_for("--for=condition=Established", "crd/anomalymonitors.podvigil.io")
    return control_plane


@pytest.mark.parametrize("folder", ["base", "default", "approved-by", "overlays/local"])
def test_the_server_takes_it_without_a_warning(installed: ControlPlane, folder: str) -> None:
    done = installed.kubectl("apply", "-k", str(DEPLOY / folder), "--dry-run=server")
    assert done.stderr == ""


def indented(document: str, begins: str) -> str:
    """The indented block of a document that begins with a line."""
    lines = (DEPLOY.parent / document).read_text().split(f"\n    {begins}\n", 1)[1].splitlines()
    block = itertools.takewhile(lambda line: line.startswith("    "), [f"    {begins}", *lines])
    return dedent("\n".join(block)) + "\n"


def test_the_overlays_of_the_documents_can_be_built(control_plane: ControlPlane, tmp_path: Path) -> None:
    """All components, beside a checkout, with a right that is taken away, more memory, and Prometheus' own CA."""
    (tmp_path / "podvigil").symlink_to(DEPLOY.parent)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "podvigil.yaml").write_text((DEPLOY / "base/podvigil.yaml").read_text())
    overlay = indented("deploy/README.md", "# kustomization.yaml") + indented("docs/approval.md", "patches:")
    for document in ("docs/configuration.md", "docs/operations.md"):
        overlay += indented(document, "patches:").removeprefix("patches:\n")
    (mine / "kustomization.yaml").write_text(overlay)
    built = list(yaml.safe_load_all(control_plane.kubectl("kustomize", str(mine)).stdout))
    names = {(found["kind"], found["metadata"]["name"]) for found in built}
    bound = {f"podvigil-action-{name.lower()}" for name in ActionName if name is not ActionName.SCALE}
    assert {name for kind, name in names if kind == "ClusterRoleBinding" and "-action-" in name} == bound
    images = {
        found["metadata"]["name"]: container["image"]
        for found in built
        if found["kind"] == "Deployment"
        for container in found["spec"]["template"]["spec"]["containers"]
    }
    assert set(images) == {"podvigil-analyst", "podvigil-executor", "podvigil-approver"}
    assert set(images.values()) == {"registry.example.com/podvigil:0.1.0"}
    (analyst,) = (
        f for f in built if (f["kind"], f["metadata"]["name"]) == ("Deployment", "podvigil-analyst")
    )
    (container,) = analyst["spec"]["template"]["spec"]["containers"]
    assert {"config", "tmp", "prometheus-ca"} == {mount["name"] for mount in container["volumeMounts"]}
    assert container["resources"]["limits"] == {"memory": "2Gi"}


def test_applying_it_again_changes_nothing(installed: ControlPlane) -> None:
    lines = installed.kubectl("apply", "-k", str(DEPLOY / "overlays/local")).stdout.splitlines()
    assert [line for line in lines if not line.endswith(" unchanged")] == []


def test_the_namespace_takes_the_pods(installed: ControlPlane) -> None:
    """Pod Security `restricted` is enforced on pods, not on Deployments: so ask it about a pod."""
    for process in (ANALYST, EXECUTOR):
        found = json.loads(
            installed.kubectl("get", "deploy", f"podvigil-{process}", "-n", SYSTEM, "-o=json").stdout
        )
        template = found["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "try", "namespace": SYSTEM, "labels": template["metadata"]["labels"]},
            "spec": template["spec"],
        }
        done = installed.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))
        assert done.stderr == ""


def test_the_services_find_the_pods(installed: ControlPlane) -> None:
    for process in (ANALYST, EXECUTOR):
        deployment, service = (
            json.loads(installed.kubectl("get", kind, f"podvigil-{process}", "-n", SYSTEM, "-o=json").stdout)
            for kind in ("deployment", "service")
        )
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"].items() <= labels.items()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert [p["targetPort"] for p in service["spec"]["ports"]] == [p["name"] for p in container["ports"]]


Row = tuple[str, str, str]
"""Process, verb, and resource.group or resource.group#subresource."""


def review(row: Row, namespace: str) -> Object:
    """Return the question whether the process has the right in the namespace; all namespaces: empty."""
    process, verb, what = row
    named, _, subresource = what.partition("#")
    resource, _, group = named.partition(".")
    resource, _, name = resource.partition("/")
    attributes = {
        "namespace": namespace,
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "name": name,
    }
    groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{SYSTEM}"]
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": account(process), "groups": groups, "resourceAttributes": attributes},
    }


def held(cluster: ControlPlane, rows: Iterable[Row], namespace: str = "default") -> set[Row]:
    """Return those of the rights that the processes have, as the API server's authorizer says."""
    asked = list(rows)
    # One kubectl for all of them: a hundred processes would take a minute.
    questions = "\n---\n".join(json.dumps(review(row, namespace)) for row in asked)
    said = cluster.kubectl("create", "-f", "-", '-o=jsonpath={.status.allowed}{"\\n"}', input=questions)
    answers = said.stdout.split()
    return {row for row, answer in zip(asked, answers, strict=True) if answer == "true"}


SPEAKING: Final = (
    "poddisruptionbudgets.policy", "horizontalpodautoscalers.autoscaling", "verticalpodautoscalers.autoscaling.k8s.io",
    "resourcequotas", "limitranges",
)  # fmt: skip
"""What may speak against a change; asked before it is proposed, and before it is made."""

ALLOWED: Final = [
    *((ANALYST, verb, "pods") for verb in ("get", "list", "watch")),
    *((ANALYST, "list", what) for what in ("namespaces", "nodes", "replicasets.apps", *WORKLOADS, "jobs.batch")),
    *((process, "list", what) for process in (ANALYST, EXECUTOR) for what in SPEAKING),
    (ANALYST, "patch", "anomalymonitors.podvigil.io"),
    (ANALYST, "patch", "anomalymonitors.podvigil.io#status"),
    *((ANALYST, verb, "anomalyreports.podvigil.io") for verb in ("create", "list", "watch", "delete")),
    (ANALYST, "patch", "anomalyreports.podvigil.io#status"),
    *((ANALYST, verb, "remediationrequests.podvigil.io") for verb in ("create", "get", "list", "watch")),
    *((EXECUTOR, verb, "remediationrequests.podvigil.io") for verb in ("get", "list", "watch")),
    (EXECUTOR, "update", "remediationrequests.podvigil.io#status"),
    (EXECUTOR, "get", "anomalyreports.podvigil.io"),
    (EXECUTOR, "get", "anomalymonitors.podvigil.io"),
    (EXECUTOR, "get", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    (EXECUTOR, "list", "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
    *((EXECUTOR, "patch", what) for what in WORKLOADS),
    (EXECUTOR, "patch", "deployments.apps#scale"),
    (EXECUTOR, "update", "statefulsets.apps#scale"),
    (EXECUTOR, "patch", "pods#resize"),
    (EXECUTOR, "create", "pods#eviction"),
    (EXECUTOR, "patch", "nodes"),
    (EXECUTOR, "create", "jobs.batch"),
    *((EXECUTOR, "execute", f"remediationactions/{name.lower()}.podvigil.io") for name in ActionName),
    *((process, "create", "events.events.k8s.io") for process in (ANALYST, EXECUTOR)),
    *((process, "watch", "customresourcedefinitions.apiextensions.k8s.io") for process in (ANALYST, EXECUTOR)),
]  # fmt: skip

BOTH: Final = (ANALYST, EXECUTOR)
FORBIDDEN: Final = [
    *((p, verb, "remediationrequests.podvigil.io") for p in BOTH for verb in ("patch", "update", "delete")),
    *((p, verb, "remediationactions/restart.podvigil.io") for p in BOTH for verb in ("approve", "auto-approve")),
    (EXECUTOR, "create", "remediationrequests.podvigil.io"),
    (ANALYST, "patch", "remediationrequests.podvigil.io#status"),
    (ANALYST, "update", "anomalymonitors.podvigil.io"),
    (ANALYST, "patch", "anomalyreports.podvigil.io"),
    *((EXECUTOR, verb, "anomalyreports.podvigil.io") for verb in ("create", "patch", "delete")),
    (EXECUTOR, "patch", "anomalyreports.podvigil.io#status"),
    (EXECUTOR, "patch", "anomalymonitors.podvigil.io"),
    (EXECUTOR, "patch", "anomalymonitors.podvigil.io#status"),
    *((ANALYST, verb, what) for what in WORKLOADS for verb in ("create", "patch", "update", "delete")),
    *((EXECUTOR, verb, what) for what in WORKLOADS for verb in ("create", "update", "delete")),
    (ANALYST, "patch", "deployments.apps#scale"),
    *((p, verb, what) for p in BOTH for what in SPEAKING for verb in ("create", "patch", "update", "delete")),
    *((p, verb, "pods") for p in BOTH for verb in ("create", "delete", "patch")),
    *((p, "create", "pods#exec") for p in BOTH),
    (ANALYST, "create", "pods#eviction"),
    (ANALYST, "patch", "nodes"),
    *((p, verb, "nodes") for p in BOTH for verb in ("update", "delete")),
    *((ANALYST, "execute", f"remediationactions/{name.lower()}.podvigil.io") for name in ActionName),
    *((p, verb, "secrets") for p in BOTH for verb in ("get", "list", "watch", "create")),
    *((p, verb, "configmaps") for p in BOTH for verb in ("get", "create", "patch")),
    *((p, "create", "serviceaccounts#token") for p in BOTH),
    *((p, "impersonate", what) for p in BOTH for what in ("users", "groups", "serviceaccounts")),
    *(
        (p, verb, "clusterroles.rbac.authorization.k8s.io")
        for p in BOTH
        for verb in ("create", "patch", "bind", "escalate")
    ),
    *((p, "create", "clusterrolebindings.rbac.authorization.k8s.io") for p in BOTH),
    *(
        (p, verb, f"{kind}.admissionregistration.k8s.io")
        for p in BOTH
        for kind in ("validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies")
        for verb in ("create", "patch", "delete")
    ),
    *((p, "patch", "customresourcedefinitions.apiextensions.k8s.io") for p in BOTH),
    (ANALYST, "create", "jobs.batch"),
    *((EXECUTOR, verb, "jobs.batch") for verb in ("patch", "update")),
]  # fmt: skip


def test_the_processes_have_the_rights_they_need(installed: ControlPlane) -> None:
    assert set(ALLOWED) - held(installed, ALLOWED, namespace="") == set()


def test_the_processes_have_no_right_beyond(installed: ControlPlane) -> None:
    assert held(installed, FORBIDDEN) == set()


def test_the_gate_is_tried_in_the_own_namespace_alone(installed: ControlPlane) -> None:
    create: Row = (EXECUTOR, "create", "remediationrequests.podvigil.io")
    assert held(installed, [create], SYSTEM) == {create}
    assert held(installed, [create], "kube-system") == set()


RIGHTS: Final[dict[str, Row]] = {
    name.lower(): (EXECUTOR, "execute", f"remediationactions/{name.lower()}.podvigil.io")
    for name in ActionName
}
FOLDERS: Final = {
    path.stem: path
    for folder in ("base/actions", "nodes", "runjob")
    for path in (DEPLOY / folder).glob("*.yaml")
}


@pytest.mark.parametrize("action", RIGHTS)
def test_an_action_can_be_taken_away_alone(installed: ControlPlane, action: str) -> None:
    installed.kubectl("delete", "-f", str(FOLDERS[action]))
    try:
        wait_until(
            lambda: RIGHTS[action] not in held(installed, RIGHTS.values()),
            f"{action} is taken away",
            deadline_seconds=DEADLINE_SECONDS,
        )
        assert held(installed, RIGHTS.values()) == {RIGHTS[name] for name in RIGHTS if name != action}
    finally:
        installed.kubectl("apply", "-k", str(DEPLOY / "overlays/local"))


@pytest.mark.parametrize(
    ("user", "change", "refused"),
    [
        pytest.param(account(ANALYST), '{"metadata":{"finalizers":["podvigil.io/kept"]}}', False, id="finalizer"),
        pytest.param(account(ANALYST), '{"spec":{"remediation":{"paused":false}}}', True, id="the-analyst-unpauses"),
        pytest.param("admin", '{"spec":{"remediation":{"paused":false}}}', False, id="a-person-unpauses"),
    ],
)  # fmt: skip
def test_what_people_wrote_in_a_monitor_stays(
    installed: ControlPlane, user: str, change: str, refused: bool
) -> None:
    body = monitor("kept")
    body["spec"]["remediation"] = {"paused": True}
    installed.kubectl("apply", "-f", "-", input=json.dumps(body))

    def patch(body: str, user: str) -> str:
        tried = ("patch", "anmon", "kept", "--type=merge", "--dry-run=server", "-p", body)
        return installed.kubectl(*tried, user=user, check=False).stderr

    try:
        pause = '{"spec":{"interval":"7s"}}'
        wait_until(
            lambda: patch(pause, account(ANALYST)) != "",
            "the policy stands",
            deadline_seconds=DEADLINE_SECONDS,
        )
        objection = patch(change, user)
        assert ("may not change the spec of AnomalyMonitor kept" in objection) is refused
        assert bool(objection) is refused
    finally:
        installed.kubectl("delete", "anmon", "kept", "--wait=false")
