"""Volumes that fill: a real Prometheus that scrapes what a kubelet and kube-state-metrics say of claims."""

import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from faults.proxy import FaultProxy, Rule, Status
from localcluster import history
from localcluster.cluster import KwokCluster
from localcluster.load import Load
from operator_process import Api, OperatorProcess, apply_monitor, condition
from podvigil.api.durations import parse_duration
from shop import install

NAMESPACE: Final = "volumes"
MONITOR: Final = "volumes"
PAST_SECONDS: Final = 3.25 * 3600
CAPACITY: Final = 100 * 2.0**30
PER_SECOND: Final = 0.2 / (3 * 3600)
"""A fifth in three hours."""
FAMILIES: Final = tuple(f"kubelet_volume_stats_{what}_bytes" for what in ("available", "used", "capacity"))
FILLING, FULL, STEADY = "db", "queue", "cache"
NOW_TAKEN: Final = {FILLING: 0.8, FULL: 0.985, STEADY: 0.9}
"""Share at the end of the past; the first goes on growing, and is full in three hours."""

CLEAR_SECONDS: Final = 40.0
"""Longer than it takes, at this interval, to find that a trouble is over (`judge.clear_after`)."""

SPEC: Final[dict[str, Any]] = {
    "namespaces": [NAMESPACE],
    "interval": "3s",
    "detection": {"falseAlarmsPerPodDay": "0.01", "minimumDuration": "6s"},
    "remediation": {"mode": "Off"},
}


def taken(name: str, seconds_ago: float) -> float:
    return NOW_TAKEN[name] - (PER_SECOND * seconds_ago if name == FILLING else 0.0)


def share_of(family: str, full: float) -> float:
    return {"available": 1 - full, "used": full, "capacity": 1.0}[family.split("_")[-2]]


def past(pods: dict[str, str], until: float) -> Iterator[str]:
    """The series of three hours, as OpenMetrics."""
    times = [until - ago for ago in range(int(PAST_SECONDS), 0, -30)]
    for family in FAMILIES:
        yield f"# TYPE {family} gauge\n"
        for name in pods:
            for at in times:
                share = share_of(family, taken(name, until - at))
                labels = f'namespace="{NAMESPACE}",persistentvolumeclaim="data-{name}",node="before"'
                yield f"{family}{{{labels}}} {CAPACITY * share:.0f} {at:.3f}\n"
    family = "kube_pod_spec_volumes_persistentvolumeclaims_info"
    yield f"# TYPE {family} gauge\n"
    for name, pod in pods.items():
        labels = f'namespace="{NAMESPACE}",pod="{pod}",volume="data",persistentvolumeclaim="data-{name}"'
        for at in times:
            yield f"{family}{{{labels}}} 1 {at:.3f}\n"
    yield "# EOF\n"


def amount(family: str, name: str, since: float) -> float:
    """Bytes now."""
    return CAPACITY * share_of(family, taken(name, since - time.time()))


def exporter(pods: dict[str, str], since: float) -> tuple[WSGIServer, int]:
    """What a kubelet and kube-state-metrics say of the claims from now on."""
    registry = CollectorRegistry()
    of_claim = ["namespace", "persistentvolumeclaim", "node"]
    stats = {family: Gauge(family, "", of_claim, registry=registry) for family in FAMILIES}
    mounts = Gauge(
        "kube_pod_spec_volumes_persistentvolumeclaims_info",
        "",
        ["namespace", "pod", "volume", "persistentvolumeclaim"],
        registry=registry,
    )
    for name, pod in pods.items():
        mounts.labels(NAMESPACE, pod, "data", f"data-{name}").set(1)
        for family, gauge in stats.items():
            gauge.labels(NAMESPACE, f"data-{name}", "now").set_function(partial(amount, family, name, since))
    server, thread = start_http_server(0, "127.0.0.1", registry)
    assert thread.daemon, "it ends with the test's process, should the test not end it"
    return server, int(server.server_port)


@pytest.fixture(scope="module")
def filling(
    kwok_cluster: KwokCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Api, dict[str, str], FaultProxy]]:
    """A cluster with an analyst; by workload, the pod that has a volume; what stands before Prometheus."""
    cluster, prometheus = kwok_cluster.control_plane, kwok_cluster.prometheus
    install(cluster)
    prometheus.stop()
    cluster.kubectl("create", "namespace", NAMESPACE)
    for name in NOW_TAKEN:
        kwok_cluster.deploy(NAMESPACE, name, replicas=2, load=Load())
    pods = {name: kwok_cluster.pods(NAMESPACE, f"app={name}")[0]["metadata"]["name"] for name in NOW_TAKEN}
    kwok_cluster.give_past((NAMESPACE,), seconds=PAST_SECONDS)
    now = time.time()
    history.write_openmetrics(past(pods, now), prometheus.data_folder)
    server, port = exporter(pods, now)
    prometheus.scrape_also(f"127.0.0.1:{port}")
    prometheus.restart()
    with FaultProxy(prometheus.url) as proxy:
        apply_monitor(cluster, MONITOR, SPEC, proxy.url)
        try:
            with OperatorProcess(cluster, tmp_path_factory.mktemp("volumes")):
                yield Api(cluster), pods, proxy
                cluster.kubectl("delete", "anomalymonitor", MONITOR, "--ignore-not-found")
        finally:
            prometheus.scrape_also()
            server.shutdown()
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def reported(api: Api, active: str = "True") -> dict[str, Any]:
    """Reports of volumes with this condition, by workload."""
    found = api.cluster.kubectl("get", "anom", f"--namespace={NAMESPACE}", "-o", "json").stdout
    return {
        one["spec"]["target"]["name"]: one["status"]
        for one in json.loads(found)["items"]
        if one["spec"]["signal"] == "VolumeFilling" and condition(one, "Active").startswith(active)
    }


def test_full_volumes_and_those_that_will_be_are_reported(
    filling: tuple[Api, dict[str, str], FaultProxy],
) -> None:
    api, pods, _ = filling
    api.wait_monitor(MONITOR, "Ready", "True Running")
    api.until(lambda: {FILLING, FULL} <= {*reported(api)}, "both are reported")
    found = reported(api)
    assert STEADY not in found, "it does not grow"
    left = found[FILLING]["timeToLimit"]
    assert (left["feature"], left["pod"], left["limit"]) == ("storage", pods[FILLING], "100%")
    hours = {
        name: parse_duration(left[name]).total_seconds() / 3600 for name in ("earliest", "estimate", "latest")
    }
    assert 2 <= hours["estimate"] <= 4.5, "three hours are left"
    assert hours["earliest"] <= hours["estimate"] <= hours["latest"]
    assert found[FILLING]["severity"] == "Warning"
    (evidence,) = found[FILLING]["diagnosis"]["evidence"]
    assert f"the volume of claim data-{FILLING} is 8" in evidence
    assert found[FULL]["severity"] == "Critical"
    assert found[FULL]["diagnosis"]["cause"] == "VolumeFull"
    assert "timeToLimit" not in found[FULL]
    assert not found[FULL].get("request"), "no action frees a volume"


def test_a_source_that_cannot_tell_of_volumes_costs_nothing_else(
    filling: tuple[Api, dict[str, str], FaultProxy],
) -> None:
    api, _, proxy = filling
    before = {name: status["count"] for name, status in reported(api).items()}
    assert before.keys() == {FILLING, FULL}
    rule = proxy.add(Rule(Status(500), path="kubelet_volume_stats"))
    proxy.calls.clear()

    def refused() -> int:
        return sum(call.status == 500 for call in proxy.calls)

    begun = time.monotonic()
    api.until(lambda: time.monotonic() - begun > CLEAR_SECONDS, "a trouble that is away would be over")
    assert refused() >= 5
    assert condition(api.monitor(MONITOR), "Ready") == "True Running"
    assert reported(api, "Unknown NotEvaluated").keys() == before.keys(), "not seen is not away"
    rule.times = 0
    api.until(lambda: reported(api).keys() == before.keys(), "they are seen again")
    assert {name: status["count"] for name, status in reported(api).items()} == before, "the same episode"
