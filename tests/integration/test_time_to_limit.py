"""A leak that began a quarter of an hour ago: the report of a real analyst says when memory reaches its limit."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from faults.proxy import AlterJson, FaultProxy, Rule
from localcluster.cluster import KwokCluster
from localcluster.load import Load
from operator_process import Api, OperatorProcess, apply_monitor, condition
from podvigil.api.durations import parse_duration
from shop import install

NAMESPACE: Final = "time-to-limit"
MONITOR: Final = "outlook"
WORKLOADS: Final = {"cart": 3, "web": 6, "checkout": 5}
PAST_SECONDS: Final = 3.25 * 3600
GROWN_SECONDS: Final = 900.0
PER_SECOND: Final = 1 / 600
"""Of what a healthy pod uses. After a quarter of an hour it uses two and a half times as much, and its limit is four
times as much: another quarter is left. A slower leak is half of the hour that it is compared with, and hardly over the
threshold."""

SPEC: Final[dict[str, Any]] = {
    "namespaces": [NAMESPACE],
    "interval": "3s",
    "detection": {"falseAlarmsPerPodDay": "2", "minimumDuration": "6s"},
    "remediation": {"mode": "Off"},
}


def leaking(pod: str, since: float) -> Callable[[Any], Any]:
    """What Prometheus would have answered if this pod leaked since then."""

    def more(point: list[Any]) -> list[Any]:
        at, value = point
        return [at, str(float(value) * (1 + PER_SECOND * max(at - since, 0.0)))]

    def change(answer: Any) -> Any:
        for series in answer.get("data", {}).get("result", ()):
            if series["metric"].get("pod") == pod:
                series.update(
                    {"value": more(series["value"])}
                    if "value" in series
                    else {"values": [more(point) for point in series["values"]]}
                )
        return answer

    return change


@pytest.fixture(scope="module")
def leak(kwok_cluster: KwokCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, str]]:
    """A cluster with an analyst that sees this pod leak."""
    cluster, prometheus = kwok_cluster.control_plane, kwok_cluster.prometheus
    install(cluster)
    prometheus.stop()
    cluster.kubectl("create", "namespace", NAMESPACE)
    for name, replicas in WORKLOADS.items():
        kwok_cluster.deploy(NAMESPACE, name, replicas=replicas, load=Load())
    kwok_cluster.give_past((NAMESPACE,), seconds=PAST_SECONDS)
    prometheus.restart()
    pod = str(kwok_cluster.pods(NAMESPACE, "app=cart")[0]["metadata"]["name"])
    with FaultProxy(prometheus.url) as proxy:
        altered = AlterJson(leaking(pod, time.time() - GROWN_SECONDS))
        proxy.add(Rule(altered, path="container_memory_working_set_bytes"))
        apply_monitor(cluster, MONITOR, SPEC, proxy.url)
        with OperatorProcess(cluster, tmp_path_factory.mktemp("outlook")):
            yield Api(cluster), pod
            cluster.kubectl("delete", "anomalymonitor", MONITOR, "--ignore-not-found")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_the_report_says_when_memory_reaches_its_limit(leak: tuple[Api, str]) -> None:
    api, pod = leak
    api.wait_monitor(MONITOR, "Ready", "True Running")
    api.until(
        lambda: condition(api.report(NAMESPACE, "MemoryHigh"), "Active") == "True AnomalyObserved",
        "the leak is reported",
    )
    status = api.report(NAMESPACE, "MemoryHigh")["status"]
    left = status["timeToLimit"]
    assert (left["feature"], left["pod"]) == ("memory", pod)
    minutes = {
        name: parse_duration(left[name]).total_seconds() / 60 for name in ("earliest", "estimate", "latest")
    }
    assert 10 <= minutes["estimate"] <= 25, "a quarter of an hour is left"
    assert minutes["earliest"] <= minutes["estimate"] <= minutes["latest"]
    assert f"reaches its limit of {left['limit']} in about {left['estimate']}" in status["summary"]
    assert status["severity"] == "Critical", "it is within the hour"
    assert "probably a leak" in status["diagnosis"]["message"]


def test_it_is_a_column_of_the_wide_list(leak: tuple[Api, str]) -> None:
    api, _ = leak
    lines = api.cluster.kubectl("get", "anom", "-n", NAMESPACE, "-o", "wide").stdout.splitlines()
    (row,) = [line for line in lines[1:] if "MemoryHigh" in line]
    # The cells of a row stand under their headings.
    assert re.fullmatch(r"([0-9]+h)?([0-9]+m)?", row[lines[0].index("LIMIT IN") :].split()[0])
