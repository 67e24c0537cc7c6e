"""The life of one trouble, told by the analyst: a real process under its own account on a real control plane.

The tests of this file are one story and run in its order, since each part of it takes the detector's own time.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pytest

from faults.proxy import AlterJson, FaultProxy, Rule
from localcluster.cluster import KwokCluster
from localcluster.load import Load
from operator_process import GROUP, Api, OperatorProcess, apply_monitor, condition, message
from shop import ANALYST, install

NAMESPACE: Final = "analyst-story"
MONITOR: Final = "story"
WORKLOADS: Final = {"cart": 3, "web": 6, "checkout": 5}
"""Enough pods that three hours of their past make a pod-day of blocks, from which a threshold is known."""

PAST_SECONDS: Final = 3.25 * 3600
INTERVAL_SECONDS: Final = 3
LEAK: Final = "24Mi"
REFRESH_SECONDS: Final = 30
"""How often a steady report is written, at most."""

SPEC: Final[dict[str, Any]] = {
    "namespaces": [NAMESPACE],
    "interval": f"{INTERVAL_SECONDS}s",
    "detection": {"falseAlarmsPerPodDay": "0.2", "minimumDuration": "6s"},
    "remediation": {"minimumProbabilityPermille": 100},
}


@dataclass
class Story:
    """The world, and the analyst in it."""

    kwok: KwokCluster
    proxy: FaultProxy
    """Between the analyst and Prometheus."""
    analyst: OperatorProcess
    api: Api

    @property
    def cart(self) -> str:
        """The pod that goes wrong."""
        return str(self.kwok.pods(NAMESPACE, "app=cart")[0]["metadata"]["name"])

    @property
    def report(self) -> dict[str, Any]:
        """The report about its memory."""
        return self.api.report(NAMESPACE, "MemoryHigh")

    @property
    def watched(self) -> dict[str, Any]:
        """What the monitor says of its own work."""
        return dict(self.api.monitor(MONITOR)["status"])

    def wait_report(self, active: str) -> dict[str, Any]:
        """Wait until the report's Active is `status reason`."""
        self.api.until(lambda: condition(self.report, "Active") == active, f"the report is {active}")
        return self.report

    def ticks(self, outcome: str) -> float:
        """Ticks that ended so."""
        return self.analyst.metric("podvigil_ticks_total", monitor=MONITOR, outcome=outcome)


def blind(answer: Any) -> Any:
    """Prometheus' answer with every number lost."""
    for series in answer.get("data", {}).get("result", ()):
        if "value" in series:
            series["value"][1] = "NaN"
        series["values"] = [[at, "NaN"] for at, _ in series.get("values", ())]
    return answer


@pytest.fixture(scope="module")
def story(kwok_cluster: KwokCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    cluster, prometheus = kwok_cluster.control_plane, kwok_cluster.prometheus
    install(cluster)
    prometheus.stop()  # what it scrapes now must not overlap the past that is made up
    cluster.kubectl("create", "namespace", NAMESPACE)
    for name, replicas in WORKLOADS.items():
        kwok_cluster.deploy(NAMESPACE, name, replicas=replicas, load=Load())
    kwok_cluster.give_past((NAMESPACE,), seconds=PAST_SECONDS)
    prometheus.restart()
    with FaultProxy(prometheus.url) as proxy:
        apply_monitor(cluster, MONITOR, SPEC, proxy.url)
        with OperatorProcess(cluster, tmp_path_factory.mktemp("analyst")) as analyst:
            yield Story(kwok_cluster, proxy, analyst, Api(cluster))
            cluster.kubectl("delete", "anomalymonitor", MONITOR, "--ignore-not-found")
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def leak(story: Story) -> str:
    """The pod that leaks once the monitor knows what is normal."""
    story.api.wait_monitor(MONITOR, "Ready", "True Running")
    assert story.api.items("anomalyreports", NAMESPACE) == []
    story.kwok.kwok.break_pod(NAMESPACE, pod := story.cart, "memory-leak", rate=LEAK)
    return pod


@pytest.fixture(scope="module")
def healed(story: Story, leak: str) -> str:
    """The same pod, well again; the detector takes half a minute to believe it."""
    story.kwok.kwok.heal_pod(NAMESPACE, leak)
    return leak


def test_a_leak_is_reported_with_its_pod_and_its_reason(story: Story, leak: str) -> None:
    report = story.wait_report("True AnomalyObserved")
    deployment = story.api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/cart")
    assert report["spec"]["target"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "cart",
        "uid": deployment["metadata"]["uid"],
    }
    status = report["status"]
    assert (status["count"], status["podsAffected"], status["podsEvaluated"]) == (1, 1, 3)
    assert status["affectedPods"] == [leak]
    assert status["explanation"][0]["feature"] == "memory"
    assert sum(part["sharePermille"] for part in status["explanation"]) == 1000
    assert status["diagnosis"]["cause"] == "MemoryGrowthInPod"
    assert condition(report, "Explained") == "True RuleMatched"
    story.api.until(lambda: story.watched["podsAffected"] == 1, "the monitor counts the pod in trouble")
    assert story.watched["workloadsAffected"] == 1


def test_a_restart_is_proposed_in_the_analysts_own_name(story: Story, leak: str) -> None:
    story.api.until(lambda: condition(story.report, "Proposed").startswith("True"), "a request is proposed")
    (request,) = story.api.items("remediationrequests", NAMESPACE)
    plan = request["spec"]["plan"]
    assert request["spec"]["requestedBy"] == ANALYST
    assert "approval" not in request["spec"]
    assert (plan["action"], plan["target"]["name"], plan["monitor"]) == ("Restart", "cart", MONITOR)
    assert plan["report"]["uid"] == story.report["metadata"]["uid"]
    assert story.report["status"]["request"]["name"] == request["metadata"]["name"]


def test_an_outage_makes_the_report_unknown_and_certain_signals_go_on(story: Story, leak: str) -> None:
    evaluated = story.report["status"]["lastEvaluated"]
    web = str(story.kwok.pods(NAMESPACE, "app=web")[0]["metadata"]["name"])
    story.kwok.prometheus.stop()
    try:
        story.api.wait_monitor(MONITOR, "MetricsAvailable", "False")
        story.kwok.kwok.crash(NAMESPACE, web, reason="OOMKilled", exit_code=137)
        unseen = story.wait_report("Unknown NotEvaluated")
        assert unseen["status"]["lastEvaluated"] >= evaluated
        story.api.until(
            lambda: condition(story.api.report(NAMESPACE, "OOMKilled"), "Active") == "True AnomalyObserved",
            "the kill is reported without any metrics",
        )
        killed = story.api.report(NAMESPACE, "OOMKilled")
        assert (killed["spec"]["target"]["name"], killed["status"]["affectedPods"]) == ("web", [web])
        assert story.analyst.probe() == 200
    finally:
        story.kwok.prometheus.restart()
    story.api.wait_monitor(MONITOR, "Ready", "True Running")
    after = story.wait_report("True AnomalyObserved")
    assert after["status"]["count"] == 1


def test_a_new_process_takes_an_open_report_over(story: Story, leak: str) -> None:
    before, ticks = story.report, story.watched["ticksSinceChange"]
    assert story.analyst.stop() == 0
    story.analyst.start()
    story.api.until(
        lambda: story.watched["ticksSinceChange"] < ticks, "its first judgements are known to be that"
    )
    story.api.until(
        lambda: story.report["status"]["lastEvaluated"] > before["status"]["lastEvaluated"],
        "the report is kept fresh again",
    )
    after = story.report
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    for field in ("count", "firstSeen", "request"):
        assert after["status"][field] == before["status"][field]
    assert condition(after, "Active") == "True AnomalyObserved"
    assert len(story.api.items("remediationrequests", NAMESPACE)) == 1


def test_the_analyst_lives_through_a_restart_of_the_api_server(story: Story, healed: str) -> None:
    before = story.report
    story.kwok.control_plane.stop_apiserver()
    try:
        story.api.until(lambda: story.ticks("APIServerUnavailable") >= 2, "ticks go on without an API server")
        assert story.analyst.probe() == 200
    finally:
        story.kwok.control_plane.start_apiserver()
    done = story.ticks("Evaluated")
    story.api.until(lambda: story.ticks("Evaluated") > done + 2, "ticks succeed again")
    assert story.report["metadata"]["uid"] == before["metadata"]["uid"]
    assert story.report["status"]["count"] == 1


def test_a_pod_deleted_under_way_leaves_no_trace(story: Story, healed: str) -> None:
    pods = [str(p["metadata"]["name"]) for p in story.kwok.pods(NAMESPACE, "app=checkout")]
    done = story.ticks("Evaluated")
    for pod in pods[:2]:
        story.kwok.control_plane.kubectl("delete", "pod", pod, "-n", NAMESPACE, "--wait=false")
    story.api.until(lambda: story.ticks("Evaluated") > done + 2, "ticks go on")
    story.api.until(lambda: story.api.monitor(MONITOR)["status"]["podsWatched"] == 14, "all pods are watched")
    targets = {r["spec"]["target"]["name"] for r in story.api.items("anomalyreports", NAMESPACE)}
    assert "checkout" not in targets
    assert "Traceback" not in story.analyst.log_text


def test_after_the_leak_the_report_closes(story: Story, healed: str) -> None:
    closed = story.wait_report("False AnomalyGone")
    assert closed["status"]["podsAffected"] == 0
    assert "affectedPods" not in closed["status"]


def test_a_steady_trouble_is_written_at_a_bounded_rate(story: Story, leak: str) -> None:
    """A change of its conditions or pods is written at once, its score no more often than every half minute."""
    name = story.report["metadata"]["name"]
    writes = [e for e in analyst_writes(story) if (e.get("objectRef") or {}).get("name") == name]
    statuses = [datetime.fromisoformat(e["requestReceivedTimestamp"]) for e in writes if e["verb"] == "patch"]
    seconds = (statuses[-1] - statuses[0]).total_seconds()
    # Opened, proposed, unseen, seen again, taken over, seen after the API server's restart, cleared, closed;
    # twice as many for findings that fall below the threshold for a tick.
    changes = 16
    assert len(statuses) <= changes + seconds / REFRESH_SECONDS, [f"{t:%H:%M:%S}" for t in statuses]
    assert len(statuses) < seconds / INTERVAL_SECONDS / 2


def test_the_analyst_writes_its_own_kinds_and_events_alone(story: Story, leak: str) -> None:
    allowed: set[tuple[str, str]] = set()
    refused: set[tuple[str, str]] = set()
    for entry in analyst_writes(story):
        about = entry["objectRef"]
        what = (about["apiGroup"], about["resource"])
        (refused if entry["responseStatus"]["code"] == 403 else allowed).add(what)
    reviews = {("authentication.k8s.io", "selfsubjectreviews")}
    assert allowed - reviews == {
        ("podvigil.io", "anomalymonitors"),
        ("podvigil.io", "anomalyreports"),
        ("podvigil.io", "remediationrequests"),
        ("events.k8s.io", "events"),
    }
    # An API server that starts refuses everybody until it has read the roles: refused once is not without right.
    assert refused <= allowed


def test_a_second_leak_is_the_second_episode_and_waits_for_data(story: Story, leak: str) -> None:
    lost = story.proxy.add(Rule(AlterJson(blind)))
    story.api.wait_monitor(MONITOR, "MetricsAvailable", "False NoSamples")
    done = story.ticks("NoSamples")
    story.kwok.kwok.break_pod(NAMESPACE, leak, "memory-leak", rate=LEAK)
    story.api.until(lambda: story.ticks("NoSamples") > done + 3, "the monitor is blind for a while")
    assert condition(story.report, "Active") == "False AnomalyGone"  # nothing is reported of what is not seen
    lost.times = 0
    second = story.wait_report("True AnomalyObserved")
    assert second["status"]["count"] == 2
    # No executor runs here, which would end the question about an anomaly that is over.
    (asked,) = (one["metadata"]["name"] for one in story.api.items("remediationrequests", NAMESPACE))
    story.api.until(
        lambda: condition(story.report, "Proposed") == "False AlreadyRemediated", "one question at a time"
    )
    story.kwok.control_plane.kubectl("delete", "remediationrequest", asked, f"--namespace={NAMESPACE}")
    story.api.until(
        lambda: (
            [one["metadata"]["name"] != asked for one in story.api.items("remediationrequests", NAMESPACE)]
            == [True]
        ),
        "it has a request of its own",
    )


def test_deleting_the_monitor_closes_its_reports_at_once(story: Story, leak: str) -> None:
    story.kwok.control_plane.kubectl("delete", "anomalymonitor", MONITOR, "--timeout=30s")
    assert story.api.get(f"{GROUP}/anomalymonitors/{MONITOR}") == {}
    report = story.wait_report("False MonitorDeleted")
    assert MONITOR in message(report, "Active")
    assert story.analyst.probe() == 200
    assert story.analyst.stop() == 0


def analyst_writes(story: Story) -> list[dict[str, Any]]:
    """Every write that the analyst tried, accepted or not."""
    lines = story.kwok.control_plane.audit_log.read_text().splitlines()
    entries = (json.loads(line) for line in itertools.filterfalse(lambda line: not line, lines))
    return [
        {**e, "objectRef": {"apiGroup": "", **e.get("objectRef", {})}}
        for e in entries
        if e["user"]["username"] == ANALYST and e["verb"] not in ("get", "list", "watch")
    ]
