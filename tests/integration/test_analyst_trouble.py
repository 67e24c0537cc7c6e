"""What a monitor says when its source, its selector or its Secret is no good; one analyst, a monitor for each."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from faults.proxy import AlterJson, Delay, Drop, Fault, FaultProxy, Rule, Status, Truncate
from localcluster.cluster import KwokCluster
from localcluster.process import free_port
from operator_process import Api, OperatorProcess, condition
from shop import SYSTEM, install

NAMESPACE: Final = "analyst-trouble"
SECRET_READER: Final = "trouble-secret-reader"


def _with_warnings(answer: Any) -> Any:
    return {**answer, "warnings": ["store 2 did not answer"]}


def _without_pod(answer: Any) -> Any:
    for series in answer["data"]["result"]:
        series["metric"].pop("pod", None)
    return answer


def _not_a_number(answer: Any) -> Any:
    for series in answer["data"]["result"]:
        series["value"][1] = "NaN"
    return answer


REFUSED: Final = {"status": "error", "errorType": "bad_data", "error": "parse error"}


@dataclass(frozen=True)
class Case:
    """A source in trouble, and what must be said of it."""

    fault: Fault | None
    """None: there is nobody at the address."""
    reason: str
    says: str


SOURCES: Final = {
    "down": Case(None, "SourceUnreachable", "Connection refused"),
    "slow": Case(Delay(4), "SourceUnreachable", "no answer"),
    "hangs": Case(Drop(), "SourceUnreachable", "no answer"),
    "refuses": Case(Status(400, REFUSED), "SourceRefused", "400 Bad Request: bad_data: parse error"),
    "overloaded": Case(Status(503, "busy"), "SourceRefused", "503"),
    "warns": Case(AlterJson(_with_warnings), "SourcePartial", "store 2 did not answer"),
    "nan": Case(AlterJson(_not_a_number), "NoSamples", "no sample for any of the 2 selected pods"),
    "labels": Case(AlterJson(_without_pod), "WrongLabels", "no label pod"),
    "cut-off": Case(Truncate(40), "SourceUnreachable", "no answer"),
}

SPECS: Final[dict[str, tuple[dict[str, Any], str, str, str]]] = {
    "selects-nobody": (
        {"namespaces": None, "namespaceSelector": {"matchLabels": {"no-namespace": "has-this"}}},
        "Unknown",
        "NothingSelected",
        "spec.namespaceSelector matches no namespace",
    ),
    "selects-no-pod": (
        {"podSelector": {"matchLabels": {"app": "nobody"}}},
        "Unknown",
        "NothingSelected",
        f"no running pod is selected in 1 namespace(s): {NAMESPACE}",
    ),
    "selector-unreadable": (
        {"namespaces": None, "namespaceSelector": {"matchLabels": {"a b!": "c"}}},
        "Unknown",
        "InvalidSelector",
        "the API server refuses a selector",
    ),
    "no-source": ({"sources": {}}, "False", "InvalidSpec", "set spec.sources.prometheus.url"),
    "secret-missing": (
        {"sources": {"prometheus": {"url": "http://127.0.0.1:1", "bearerToken": {"name": "absent"}}}},
        "False",
        "SecretMissing",
        f"Secret {SYSTEM}/absent does not exist",
    ),
    "secret-without-key": (
        {
            "sources": {
                "prometheus": {
                    "url": "http://127.0.0.1:1",
                    "bearerToken": {"name": "present", "key": "wrong"},
                }
            }
        },
        "False",
        "SecretMissing",
        f"Secret {SYSTEM}/present has no key wrong",
    ),
    "secret-forbidden": (
        {"sources": {"prometheus": {"url": "http://127.0.0.1:1", "bearerToken": {"name": "private"}}}},
        "False",
        "APIServerRefused",
        "cannot get resource",
    ),
}


@dataclass
class World:
    """The analyst and all monitors in trouble."""

    kwok: KwokCluster
    analyst: OperatorProcess
    api: Api
    proxies: dict[str, FaultProxy] = field(default_factory=dict)


def _monitor(name: str, **spec: Any) -> dict[str, Any]:
    whole = {"namespaces": [NAMESPACE], "interval": "4s", **spec}
    return {
        "apiVersion": "podvigil.io/v1alpha1",
        "kind": "AnomalyMonitor",
        "metadata": {"name": name},
        "spec": {key: value for key, value in whole.items() if value is not None},
    }


def _secret_rights() -> list[dict[str, Any]]:
    """Let the analyst read two Secrets by name, as the documentation says; one of them exists."""
    about = {"name": SECRET_READER, "namespace": SYSTEM}
    rule = {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["absent", "present"],
        "verbs": ["get"],
    }
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": about, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": about,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": SECRET_READER},
            "subjects": [{"kind": "ServiceAccount", "name": "podvigil-analyst", "namespace": SYSTEM}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "present", "namespace": SYSTEM},
            "stringData": {"token": "t"},
        },
    ]


@pytest.fixture(scope="module")
def world(kwok_cluster: KwokCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    cluster, api = kwok_cluster.control_plane, Api(kwok_cluster.control_plane)
    install(cluster)
    cluster.kubectl("create", "namespace", NAMESPACE)
    pods = kwok_cluster.deploy(NAMESPACE, "web", replicas=2)
    query = f'container_memory_working_set_bytes{{namespace="{NAMESPACE}",container!=""}}'
    api.until(lambda: len(kwok_cluster.prometheus.query(query)) == len(pods), "all pods are measured")
    with contextlib.ExitStack() as stack:
        proxies: dict[str, FaultProxy] = {}
        objects = _secret_rights()
        for name, case in SOURCES.items():
            url = f"http://127.0.0.1:{free_port()}"
            if case.fault:
                proxies[name] = proxy = stack.enter_context(FaultProxy(kwok_cluster.prometheus.url))
                proxy.add(Rule(case.fault))
                url = proxy.url
            objects.append(
                _monitor(
                    name,
                    sources={"prometheus": {"url": url, "timeout": "1s", "scrapeInterval": "2s"}},
                    detection={"model": "Statistics"},
                )
            )
        objects += [_monitor(name, **spec) for name, (spec, *_) in SPECS.items()]
        listed = {"apiVersion": "v1", "kind": "List", "items": objects}
        analyst = stack.enter_context(OperatorProcess(cluster, tmp_path_factory.mktemp("trouble")))
        cluster.kubectl("apply", "-f", "-", input=json.dumps(listed))
        yield World(kwok_cluster, analyst, api, proxies)
        cluster.kubectl("delete", "-f", "-", "--timeout=50s", input=json.dumps(listed))
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_in_trouble_is_told_in_every_way(world: World, name: str) -> None:
    case = SOURCES[name]
    assert case.says in world.api.wait_monitor(name, "MetricsAvailable", f"False {case.reason}")
    assert case.says in world.api.wait_monitor(name, "Ready", f"False {case.reason}")
    world.api.until(lambda: case.reason in world.api.events_about(name), "an event tells it")
    assert case.says in world.api.events_about(name)[case.reason]
    count = world.analyst.metric("podvigil_source_errors_total", monitor=name, reason=case.reason)
    assert count >= 1
    assert f"Cannot evaluate as asked  monitor={name}  reason={case.reason}" in world.analyst.log_text


@pytest.mark.parametrize("name", SPECS)
def test_a_monitor_that_cannot_be_followed_says_what_to_mend(world: World, name: str) -> None:
    _, available, reason, says = SPECS[name]
    assert says in world.api.wait_monitor(name, "Ready", f"False {reason}")
    assert condition(world.api.monitor(name), "MetricsAvailable") == f"{available} {reason}"


def test_nothing_is_reported_from_data_that_is_not_there(world: World) -> None:
    for name in (*SOURCES, *SPECS):
        status = world.api.monitor(name)["status"]
        assert status["podsScored"] == 0, name
        assert "lastTickTime" not in status, name
    assert world.api.items("anomalyreports", NAMESPACE) == []
    assert world.analyst.probe("/healthz") == 200
    assert world.analyst.probe("/readyz") == 200
    assert "Traceback" not in world.analyst.log_text


@pytest.mark.parametrize("name", ["hangs", "nan", "cut-off"])
def test_a_source_that_recovers_is_used_again(world: World, name: str) -> None:
    world.proxies[name].clear()
    world.api.wait_monitor(name, "MetricsAvailable", "True MetricsFresh")
    assert "lastTickTime" in world.api.monitor(name)["status"]
    assert world.api.items("anomalyreports", NAMESPACE) == []
