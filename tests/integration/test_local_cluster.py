"""The ground the other integration tests stand on: is it a real cluster, and does it leave nothing behind?"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from localcluster.errors import LocalClusterError, ProcessError
from localcluster.kwok import Kwok
from localcluster.load import Load
from localcluster.process import Process, wait_until
from localcluster.prometheus import Prometheus
from shop import DEADLINE_SECONDS

LOCALCLUSTER = Path(__file__).parents[2] / "deploy" / "local"

MEMORY = 'sum by (namespace, pod) (container_memory_working_set_bytes{container!="",namespace="%s"})'
CPU = 'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!="",namespace="%s"}[10s]))'
NETWORK = 'sum by (namespace, pod) (rate(container_network_receive_bytes_total{namespace="%s"}[10s]))'
RESTARTS = 'sum by (namespace, pod) (kube_pod_container_status_restarts_total{namespace="%s"})'


def values(prometheus: Prometheus, promql: str) -> dict[str, float]:
    """Value by pod."""
    return {one["metric"]["pod"]: float(one["value"][1]) for one in prometheus.query(promql)}


def is_running(pid: int) -> bool:
    """Ask the kernel; a process that ended but was not waited for yet does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_api_server_is_the_pinned_release(control_plane: ControlPlane) -> None:
    assert control_plane.version == "v1.36.3"


@pytest.mark.parametrize(("user", "group"), [("alice", "sre"), ("bob", "dev"), ("admin", "system:masters")])
def test_people_have_their_names_and_groups(control_plane: ControlPlane, user: str, group: str) -> None:
    told = json.loads(control_plane.kubectl("auth", "whoami", "--output=json", user=user).stdout)
    assert told["status"]["userInfo"]["username"] == user
    assert group in told["status"]["userInfo"]["groups"]


def test_a_service_account_has_only_what_its_roles_give(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "operator", f"--namespace={namespace}")
    user = f"system:serviceaccount:{namespace}:operator"
    told = json.loads(control_plane.kubectl("auth", "whoami", "--output=json", user=user).stdout)
    assert told["status"]["userInfo"]["username"] == user
    with pytest.raises(LocalClusterError, match=r"operator.*cannot list.*pods"):
        control_plane.kubectl("get", "pods", user=user)


def test_an_unknown_user_is_an_error_that_names_the_known(control_plane: ControlPlane) -> None:
    with pytest.raises(LocalClusterError, match="alice"):
        control_plane.kubeconfig("mallory")


def test_the_audit_log_tells_who_did_what(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.kubectl("get", "configmaps", f"--namespace={namespace}", user="bob", check=False)

    def bob_was_seen() -> bool:
        return any(
            entry["user"]["username"] == "bob" and entry.get("objectRef", {}).get("namespace") == namespace
            for entry in map(json.loads, control_plane.audit_log.read_text().splitlines())
        )

    wait_until(bob_was_seen, "bob's list is in the audit log", deadline_seconds=DEADLINE_SECONDS)


def test_the_api_server_comes_back_at_its_address(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.stop_apiserver()
    assert control_plane.kubectl("get", "--raw=/readyz", check=False).returncode != 0
    control_plane.start_apiserver()
    assert control_plane.kubectl("get", "namespace", namespace).returncode == 0


def test_a_deployment_is_ready_and_measured(kwok_cluster: KwokCluster, namespace: str) -> None:
    load = Load(cpu_cores=0.2, memory_bytes=300e6, network_bytes_per_second=50e3)
    pods = kwok_cluster.deploy(namespace, "web", replicas=3, load=load)
    assert len(pods) == 3
    for promql, expected, tolerance in ((MEMORY, 300e6, 0.07), (CPU, 0.2, 0.45), (NETWORK, 50e3, 0.5)):

        def as_loaded(
            query: str = promql % namespace, wanted: float = expected, share: float = tolerance
        ) -> bool:
            # The first rates are too low: their window is not full yet.
            measured = values(kwok_cluster.prometheus, query)
            return set(measured) == set(pods) and all(
                value == pytest.approx(wanted, rel=share) for value in measured.values()
            )

        wait_until(as_loaded, f"about {expected:g} in {promql}", deadline_seconds=DEADLINE_SECONDS)


def test_a_leak_grows_until_the_pod_is_replaced(kwok_cluster: KwokCluster, namespace: str) -> None:
    pods = kwok_cluster.deploy(namespace, "leaky", replicas=2, load=Load(memory_bytes=100e6))
    query = MEMORY % namespace
    wait_until(
        _seen(kwok_cluster.prometheus, query, pods),
        "both pods are measured",
        deadline_seconds=DEADLINE_SECONDS,
    )
    kwok_cluster.kwok.break_pod(namespace, pods[0], "memory-leak", rate="10M")

    def leaks() -> bool:
        return values(kwok_cluster.prometheus, query).get(pods[0], 0) > 150e6

    wait_until(leaks, f"{pods[0]} leaks", deadline_seconds=DEADLINE_SECONDS)
    assert values(kwok_cluster.prometheus, query)[pods[1]] < 110e6

    kwok_cluster.control_plane.kubectl("rollout", "restart", "deployment/leaky", f"--namespace={namespace}")
    kwok_cluster.control_plane.kubectl(
        "rollout", "status", "deployment/leaky", f"--namespace={namespace}", "--timeout=60s", timeout=70
    )

    def healed() -> bool:
        measured = values(kwok_cluster.prometheus, query)
        return len(measured) == 2 and not set(measured) & set(pods) and max(measured.values()) < 110e6

    wait_until(healed, "the new pods use what they should", deadline_seconds=DEADLINE_SECONDS)


def test_a_crash_is_a_restart_with_its_reason(kwok_cluster: KwokCluster, namespace: str) -> None:
    (pod,) = kwok_cluster.deploy(namespace, "fragile", replicas=1)
    assert kwok_cluster.kwok.crash(namespace, pod, reason="OOMKilled", exit_code=137) == 1
    assert kwok_cluster.kwok.crash(namespace, pod, reason="OOMKilled", exit_code=137) == 2
    (status,) = kwok_cluster.pods(namespace)[0]["status"]["containerStatuses"]
    assert status["lastState"]["terminated"]["reason"] == "OOMKilled"

    def counted() -> bool:
        return values(kwok_cluster.prometheus, RESTARTS % namespace) == {pod: 2}

    wait_until(counted, "Prometheus counts two restarts", deadline_seconds=DEADLINE_SECONDS)


def test_a_made_up_past_goes_over_into_the_present(tmp_path: Path) -> None:
    with ControlPlane(tmp_path / "cluster") as control_plane:
        cluster = KwokCluster(control_plane, scrape_interval_seconds=2)
        cluster.start_nodes(1)
        load = Load(memory_bytes=200e6)
        pods = cluster.deploy("default", "web", replicas=2, load=load)
        assert cluster.give_past(("default",), seconds=7200) == 2
        cluster.start_prometheus()
        started = time.time()
        over_the_past = "min by (pod) (min_over_time(container_memory_working_set_bytes[2h]))"
        assert set(values(cluster.prometheus, over_the_past)) == set(pods)
        count = "count by (pod) (container_memory_working_set_bytes)"
        newest = "timestamp(container_memory_working_set_bytes)"

        def live() -> bool:
            seen = values(cluster.prometheus, newest)
            return len(seen) == 2 and min(seen.values()) > started

        wait_until(live, "live samples follow the past", deadline_seconds=DEADLINE_SECONDS)
        # One series per pod: the past and the present have the same labels.
        assert values(cluster.prometheus, count) == dict.fromkeys(pods, 1.0)
        spread = "max_over_time({m}[2h]) / min_over_time({m}[2h])".format(
            m="container_memory_working_set_bytes"
        )
        for ratio in values(cluster.prometheus, spread).values():
            assert ratio < 1.12  # the tide's 8 % and the noise's 2 %: no step at the seam


def test_nothing_is_left_after_the_end(tmp_path: Path) -> None:
    with ControlPlane(tmp_path / "cluster") as control_plane:
        Kwok(control_plane).start(nodes=1)
        pids = dict(control_plane.pids)
        assert set(pids) == {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
    assert [name for name, pid in pids.items() if is_running(pid)] == []


def test_nothing_is_left_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import json, pathlib, sys, time\n"
        "from localcluster.controlplane import ControlPlane\n"
        "with ControlPlane(pathlib.Path(sys.argv[1])) as control_plane:\n"
        "    print(json.dumps(control_plane.pids), flush=True)\n"
        "    time.sleep(600)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "cluster")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(LOCALCLUSTER)},
    )
    assert child.stdout is not None
    pids: dict[str, int] = json.loads(child.stdout.readline())
    assert all(is_running(pid) for pid in pids.values())
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    wait_until(
        lambda: not any(map(is_running, pids.values())), "all have ended", deadline_seconds=DEADLINE_SECONDS
    )


def test_an_early_death_shows_the_end_of_the_log(tmp_path: Path) -> None:
    process = Process("broken", ["/bin/sh", "-c", "echo no such key; exit 3"], tmp_path / "broken.log")
    with pytest.raises(ProcessError, match=r"ended with 3 before it was ready(.|\n)*no such key"):
        process.start(lambda: False)


def test_a_program_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    process = Process("slow", ["/bin/sh", "-c", "echo starting; exec sleep 60"], tmp_path / "slow.log")
    with pytest.raises(ProcessError, match=r"was not ready(.|\n)*starting"):
        process.start(lambda: False, deadline_seconds=0.5)
    assert process.pid is None


def _seen(prometheus: Prometheus, promql: str, pods: list[str]) -> Callable[[], bool]:
    return lambda: set(values(prometheus, promql)) >= set(pods)
