"""The process around the analyst and the executor: how it starts, how it refuses to, and how it ends."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults.proxy import Drop, FaultProxy, Reset, Rule
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from operator_process import Api, OperatorProcess, condition, run_once
from shop import ROOT, install

MODELS = ROOT / "models"


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> KwokCluster:
    install(kwok_cluster.control_plane)
    return kwok_cluster


@pytest.fixture
def watched(installed: KwokCluster, namespace: str) -> str:
    """A namespace with three pods that have samples, and no past."""
    installed.deploy(namespace, "web", replicas=3)
    query = f'container_memory_working_set_bytes{{namespace="{namespace}",container!=""}}'
    Api(installed.control_plane).until(
        lambda: len(installed.prometheus.query(query)) == 3, "all pods are measured"
    )
    return namespace


def apply_monitor(cluster: ControlPlane, name: str, **spec: Any) -> None:
    """Write a monitor; it goes with the test's operator, by `delete_monitor`."""
    body = {"apiVersion": "podvigil.io/v1alpha1", "kind": "AnomalyMonitor", "metadata": {"name": name}}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body | {"spec": spec}))


def delete_monitor(cluster: ControlPlane, name: str) -> None:
    cluster.kubectl("delete", "anomalymonitor", name, "--timeout=30s")


def _truncated(folder: Path) -> None:
    cell = folder / "cell.tflite"
    cell.write_bytes(cell.read_bytes()[:1000])


def _missing(folder: Path) -> None:
    (folder / "calibration.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(_truncated, "sha256 of its 1000 bytes", id="truncated"),
        pytest.param(_missing, "cannot be read", id="missing"),
    ],
)
def test_a_broken_model_is_told_and_the_statistics_score_on(
    installed: KwokCluster, watched: str, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    cluster, api = installed.control_plane, Api(installed.control_plane)
    shutil.copytree(MODELS, tmp_path / "models")
    spoil(tmp_path / "models")
    settings = {
        "model_directory": str(tmp_path / "models"),
        "prometheus_url": installed.prometheus.url,
        "maximum_pods": "2",  # and one pod more than the window holds
    }
    with OperatorProcess(cluster, tmp_path, **settings) as analyst:
        apply_monitor(
            cluster,
            watched,
            namespaces=[watched],
            interval="2s",
            sources={"prometheus": {"scrapeInterval": "2s"}},
        )
        assert says in api.wait_monitor(watched, "ModelLoaded", "False ModelBroken")
        full = api.wait_monitor(watched, "Ready", "False WindowFull")
        assert full.startswith("1 selected pods are not watched: the window holds 2")
        api.until(
            lambda: analyst.metric("podvigil_ticks_total", monitor=watched, outcome="Evaluated") >= 3,
            "ticks succeed",
        )
        assert analyst.metric("podvigil_model_loaded", monitor=watched) == 0
        assert analyst.metric("podvigil_pods_not_watched", monitor=watched) == 1
        events = api.events_about(watched)
        assert says in events["ModelBroken"]
        assert "WindowFull" in events
        assert "Cannot use the model" in analyst.log_text
        status = api.monitor(watched)["status"]
        assert (status["podsWatched"], status["reportsActive"]) == (2, 0)
        assert analyst.probe() == 200
        delete_monitor(cluster, watched)


@pytest.mark.parametrize("mode", ["monitoring", "remediation"])
def test_sigterm_ends_a_mode_in_time(installed: KwokCluster, tmp_path: Path, mode: str) -> None:
    with OperatorProcess(installed.control_plane, tmp_path, mode) as operator:
        assert (operator.probe("/healthz"), operator.probe("/readyz")) == (200, 200)
        assert operator.metric("podvigil_build_info") == 1
        assert operator.stop() == 0
        assert "Stopping  signal=SIGTERM" in operator.log_text
        assert "Traceback" not in operator.log_text


def test_a_source_that_hangs_holds_up_neither_another_monitor_nor_the_end(
    installed: KwokCluster, watched: str, tmp_path: Path
) -> None:
    beside = f"{watched}-beside"
    cluster, api = installed.control_plane, Api(installed.control_plane)
    with FaultProxy(installed.prometheus.url) as proxy:
        proxy.add(Rule(Drop()))
        with OperatorProcess(cluster, tmp_path, prometheus_url=proxy.url) as analyst:
            apply_monitor(
                cluster,
                watched,
                namespaces=[watched],
                interval="5s",
                sources={"prometheus": {"timeout": "2m"}},
            )
            api.until(lambda: len(proxy.calls) >= 1, "the analyst waits for its source")
            apply_monitor(
                cluster,
                beside,
                namespaces=[watched],
                interval="5s",
                detection={"model": "Statistics"},
                sources={"prometheus": {"url": installed.prometheus.url}},
            )
            api.wait_monitor(beside, "MetricsAvailable", "True MetricsFresh")
            assert condition(api.monitor(watched), "Ready") == ""  # it still waits
            delete_monitor(cluster, beside)
            assert analyst.probe() == 200
            assert analyst.stop() == 0
    cluster.kubectl(
        "patch", "anomalymonitor", watched, "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    delete_monitor(cluster, watched)


def test_a_monitor_deleted_while_nobody_ran_is_let_go(
    installed: KwokCluster, watched: str, tmp_path: Path
) -> None:
    """Its finalizer waits for an analyst; the next one to start closes what was reported and lets it go."""
    cluster, api = installed.control_plane, Api(installed.control_plane)
    pod = installed.pods(watched, "app=web")[0]["metadata"]["name"]
    with OperatorProcess(cluster, tmp_path, prometheus_url=installed.prometheus.url) as analyst:
        detection = {"minimumDuration": "0s", "model": "Statistics"}
        apply_monitor(cluster, watched, namespaces=[watched], interval="5s", detection=detection)
        api.wait_monitor(watched, "MetricsAvailable", "True")
        installed.kwok.crash(watched, pod, reason="OOMKilled", exit_code=137)
        api.until(lambda: bool(api.report(watched, "OOMKilled").get("status")), "the kill is reported")
        assert analyst.stop() == 0
    cluster.kubectl("delete", "anomalymonitor", watched, "--wait=false")
    with OperatorProcess(cluster, tmp_path):
        api.until(lambda: not api.monitor(watched), "the monitor is gone")
    (active,) = (c for c in api.report(watched, "OOMKilled")["status"]["conditions"] if c["type"] == "Active")
    assert (active["status"], active["reason"]) == ("False", "MonitorDeleted")


def test_a_port_that_is_taken_is_an_error_that_says_what_to_set(control_plane: ControlPlane) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        done = run_once("run", "--http-port", port, kubeconfig=str(control_plane.kubeconfig()))
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "set http_port (PODVIGIL_HTTP_PORT) to a free port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "nowhere", id="missing"),
        pytest.param("just a text", "no kubeconfig: it holds no mapping", id="no-mapping"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_an_error_that_names_it(
    tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "nowhere"
    if content is not None:
        path.write_text(content)
    done = run_once("run", "--kubeconfig", str(path), http_port="0")
    assert done.returncode == 2
    assert says in done.stderr
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({"intervall": "5s"}, "intervall: unknown setting", id="unknown"),
        pytest.param({"prometheus_url": "prometheus:9090"}, "'prometheus:9090'", id="bad-value"),
    ],
)
def test_a_setting_that_cannot_be_used_is_an_error_that_names_it(settings: dict[str, str], says: str) -> None:
    done = run_once("run", **settings)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_an_api_server_that_does_not_answer_is_waited_for(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    """A node that boots starts us before the API server is there: alive, not ready, and ended by SIGTERM."""
    with FaultProxy(control_plane.url, ca_file=control_plane.ca_file) as proxy:
        down = proxy.add(Rule(Reset()))
        kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", control_plane.token("admin"))
        settings = {"kubeconfig": str(kubeconfig)}
        with OperatorProcess(
            control_plane, tmp_path, "remediation", until="/healthz", **settings
        ) as operator:
            assert operator.probe("/readyz") == 503
            down.times = 0
            Api(control_plane).until(lambda: operator.probe("/readyz") == 200, "it is ready")
            assert operator.stop() == 0
