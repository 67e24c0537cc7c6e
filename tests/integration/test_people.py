"""The commands for people, with their own kubeconfigs, on a real API server with its gate."""

import subprocess
import sys

from executors import ThreadedExecutor
from shop import Shop


def podvigil(shop: Shop, *arguments: str, user: str = "alice") -> tuple[int, str, str]:
    """Run a command as a person does; returns exit code, output, errors."""
    kubeconfig = f"--kubeconfig={shop.cluster.kubeconfig(user)}"
    command = [sys.executable, "-m", "podvigil", *arguments, f"--namespace={shop.namespace}", kubeconfig]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_way_of_a_request(shop: Shop, executor: ThreadedExecutor) -> None:
    workload, report, request = shop.trouble("Scale", parameters={"replicas": 3}, validationWindow="30s")
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


def test_what_is_not_there_is_said(shop: Shop) -> None:
    code, _, said = podvigil(shop, "show", "nothing")
    assert code == 1
    assert f"no request nothing in namespace {shop.namespace}" in said
    code, _, said = podvigil(shop, "requests")
    assert (code, "No open requests" in said) == (0, True)
