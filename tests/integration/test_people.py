"""The commands for people, with their own kubeconfigs, on a real API server with its gate."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

from executors import ThreadedExecutor
from localcluster.binaries import ensure
from localcluster.process import wait_until
from shop import DEADLINE_SECONDS, ROOT, Json, Shop, now


def podvigil(shop: Shop, *arguments: str, user: str = "alice") -> tuple[int, str, str]:
    """Run a command as a person does; returns exit code, output, errors."""
    kubeconfig = f"--kubeconfig={shop.cluster.kubeconfig(user)}"
    command = [sys.executable, "-m", "podvigil", *arguments, f"--namespace={shop.namespace}", kubeconfig]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def kubectl_podvigil(shop: Shop, *arguments: str, user: str = "alice") -> tuple[int, str]:
    """Run a command through kubectl, which finds our program on PATH; returns exit code, output and errors."""
    beside_python = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join((beside_python, os.environ["PATH"])),
        "KUBECONFIG": str(shop.cluster.kubeconfig(user)),
    }
    command = [str(ensure(("kubectl",))["kubectl"]), "podvigil", *arguments, f"--namespace={shop.namespace}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_kubectl_finds_the_commands(shop: Shop, executor: ThreadedExecutor) -> None:
    _, _, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.wait(request, "Preflighted", "True")
    code, said = kubectl_podvigil(shop, "requests")
    assert (code, request in said) == (0, True), said
    code, said = kubectl_podvigil(shop, "approve", request, "--yes", user="bob")
    assert code == 1, said
    code, said = kubectl_podvigil(shop, "approve", request, "--yes", "--reason", "load is up")
    assert (code, "spec.replicas: 2 → 3" in said, "approved" in said) == (0, True, True), said
    approval = shop.get("remreq", request)["spec"]["approval"]
    assert (approval["approvedBy"], approval["reason"]) == ("alice", "load is up")
    shop.wait(request, "Executed", "True")


def test_kubectl_describe_shows_all_that_a_decision_needs(shop: Shop, executor: ThreadedExecutor) -> None:
    """Without our commands, too."""
    workload = shop.deploy("web", 2)
    selector = {"matchLabels": {"app": "web"}}
    budget = {"minAvailable": 1, "selector": selector}
    metadata = {"name": "web-stays", "namespace": shop.namespace}
    shop.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget}
    )
    shop.until(
        lambda: (shop.get("pdb", "web-stays").get("status") or {}).get("disruptionsAllowed") == 1,
        "the budget has counted",
    )
    request = shop.request(workload, shop.report(workload, "CPUHigh"), "Scale", parameters={"replicas": 3})
    shop.wait(request, "Preflighted", "True")
    # kubectl aligns its lines with as many blanks as they need.
    said = re.sub(r"\s+", " ", shop.kubectl("describe", "remreq", request, user="alice"))
    for part in (
        "Preflight: Budgets: Disruptions Allowed: 1 Name: web-stays Changes: spec.replicas: 2 → 3 Checked At: ",
        f"Expires At: {shop.get('remreq', request)['spec']['plan']['expiresAt']} ",
        "Past Success: This is the first time that Scale is tried for CPUHigh here.",
        "Reversibility: Reversible Way Back: The replica count is set back to 2, while it is still the one set here.",
        "Reason: AwaitingApproval",
        "PreflightPassed",
    ):
        assert part in said


def test_the_way_of_a_request(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, report, request = shop.trouble("Scale", parameters={"replicas": 3})
    shop.wait(request, "Preflighted", "True")
    assert request in podvigil(shop, "requests")[1]

    code, shown, _ = podvigil(shop, "show", request)
    assert code == 0
    assert "spec.replicas: 2 → 3" in shown
    assert "set back to 2" in shown

    code, _, said = podvigil(shop, "approve", request)
    assert (code, "say --yes" in said) == (2, True)
    code, _, said = podvigil(shop, "approve", request, "--yes", user="bob")
    assert code == 1
    assert shop.conditions(request)["Approved"] == "Unknown AwaitingApproval"

    code, said, _ = podvigil(shop, "approve", request, "--yes", "--reason", "load is up")
    assert (code, "approved" in said) == (0, True)
    assert shop.get("remreq", request)["spec"]["approval"]["approvedBy"] == "alice"
    shop.wait(request, "Executed", "True")
    assert "has said Approved already" in podvigil(shop, "approve", request, "--yes")[2]
    assert "rollback" in podvigil(shop, "cancel", request, "--yes")[2]
    shop.rolled(workload)
    shop.judge(report["metadata"]["name"], active=False, seconds=4, pods=3)
    assert shop.wait_end(request)["Succeeded"] == "True Succeeded"
    assert request not in podvigil(shop, "requests")[1]

    code, said, _ = podvigil(shop, "rollback", request, "--yes", "--reason", "it costs too much")
    assert (code, "asked for" in said) == (0, True)
    shop.wait(request, "Succeeded", "False RolledBack")
    assert shop.rolled(workload)["spec"]["replicas"] == 2
    assert "alice has asked for it already" in podvigil(shop, "rollback", request, "--yes")[2]


def test_a_request_is_cancelled_before_it_begins(shop: Shop, executor: ThreadedExecutor) -> None:
    shop.set_rules(paused=True)
    workload, _, request = shop.trouble()
    shop.wait(request, "Preflighted", "False Paused")
    shop.decide(request)
    shop.wait(request, "Executed", "False Paused")
    assert podvigil(shop, "cancel", request, "--yes", "--reason", "not now")[0] == 0
    assert shop.wait_end(request)["Succeeded"] == "False Cancelled"
    assert shop.changes(workload) == []


def test_a_denial_ends_it(shop: Shop, executor: ThreadedExecutor) -> None:
    _, _, request = shop.trouble()
    assert podvigil(shop, "deny", request, "--yes")[0] == 0
    assert shop.wait_end(request)["Succeeded"] == "False Denied"


def written_out() -> Json:
    """The request that docs/remediation.md shows to whoever asks for a change."""
    text = (ROOT / "docs/remediation.md").read_text(encoding="utf-8")
    section = text.split("## Ask for a change yourself", 1)[1]
    body: Json = yaml.safe_load(section.split("```yaml\n", 1)[1].split("```", 1)[0])
    return body


def columns(shop: Shop, *command: str, user: str) -> list[str]:
    """What a person reads in the one row of a table."""
    return shop.kubectl("get", *command, user=user).splitlines()[1].split()


def test_a_person_asks_and_another_decides(shop: Shop, executor: ThreadedExecutor) -> None:
    """The manifest of the documentation, with what bob reads by its commands, and without any other right."""
    workload = shop.deploy("web")
    shop.report(workload, "CPUHigh")

    def ask() -> str:
        body = json.dumps(request)
        return shop.cluster.kubectl("create", "-f", "-", user="bob", input=body, check=False).stderr

    request = written_out()
    request["metadata"]["namespace"] = shop.namespace
    assert 'cannot create resource "remediationrequests"' in ask()
    bind = ("create", "rolebinding", "bob-asks", "--clusterrole=podvigil-proposer", "--user=bob")
    shop.kubectl(*bind)
    wait_until(lambda: "cannot create" not in ask(), "the right is there", deadline_seconds=DEADLINE_SECONDS)
    assert "spec.requestedBy must be your own name: write bob" in ask()

    table = "custom-columns=NAME:.metadata.name,UID:.metadata.uid,SIGNAL:.spec.signal,MONITOR:.spec.monitor"
    name, uid, signal, monitor = columns(shop, "anom", "-o", table, user="bob")
    table = "custom-columns=UID:.metadata.uid,GENERATION:.metadata.generation"
    target, generation = columns(shop, "deployment", "web", "-o", table, user="bob")
    request["metadata"]["ownerReferences"][0] |= {"name": name, "uid": uid}
    request["spec"]["requestedBy"] = "bob"
    plan = request["spec"]["plan"]
    plan |= {"monitor": monitor, "expiresAt": now(300)}
    plan["target"] |= {"uid": target, "generation": int(generation)}
    plan["report"] |= {"name": name, "uid": uid, "signal": signal}
    assert ask() == ""

    asked = request["metadata"]["name"]
    shop.wait(asked, "Preflighted", "True")
    code, _, said = podvigil(shop, "approve", asked, "--yes", user="bob")
    assert (code, shop.conditions(asked)["Approved"]) == (1, "Unknown AwaitingApproval"), said
    shop.decide(asked)
    shop.wait(asked, "Executed", "True")
    assert shop.get("deployment", "web")["spec"]["replicas"] == plan["parameters"]["replicas"]


def test_what_is_not_there_is_said(shop: Shop) -> None:
    code, _, said = podvigil(shop, "show", "nothing")
    assert code == 1
    assert f"no request nothing in namespace {shop.namespace}" in said
    code, _, said = podvigil(shop, "requests")
    assert (code, "No open requests" in said) == (0, True)
