"""What is learnt from requests, and what is proposed then: the analyst's half and the executor on a real API server.

The detector is left out: the tests say what it would have found, so that an episode takes seconds.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pytest
from prometheus_client import CollectorRegistry

from executors import ThreadedExecutor
from faults.proxy import FaultProxy, Rule, Status
from localcluster.controlplane import ControlPlane
from operator_process import condition, message
from podvigil.api.features import Feature
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.proposer import ASK_AGAIN, ASK_AGAIN_BY, FOLLOW_UP, Proposer
from podvigil.controllers.monitor.reporter import REFRESH, Reporter
from podvigil.controllers.monitor.status import TickFacts
from podvigil.controllers.monitor.teller import Teller
from podvigil.detect.explain import FeatureShare
from podvigil.detect.findings import Finding
from podvigil.detect.incidents import Incident, Step
from podvigil.remediate.propose.episode import FIRST_PAUSE
from podvigil.remediate.validation.outcomes import memory_of
from podvigil.settings import Settings
from shop import ANALYST, EXECUTOR, Shop

BUSY: Final = FeatureShare(Feature.CPU, 1.0, 5.0, 0.8, 0.2, 0.1, 0.3)
"""One pod of several uses far more CPU than expected: Restart is recommended, then Scale."""


@pytest.fixture(scope="module", autouse=True)
def executor(installed: ControlPlane) -> Iterator[ThreadedExecutor]:
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)) as running:
        yield running


class Analyst:
    """What a process of the analyst does in a tick after the detector: report, propose, tell."""

    def __init__(
        self,
        shop: Shop,
        workload: dict[str, Any],
        *,
        ahead_seconds: float = 0,
        kubeconfig: Path | None = None,
    ) -> None:
        """Begin nothing yet.

        Args:
            ahead_seconds: by which its clock is ahead, so that its episodes are no earlier process's.
            kubeconfig: another way to the API server than the straight one.
        """
        self.metrics = CollectorRegistry()
        self._shop = shop
        self._runner = asyncio.Runner()
        self._cluster = Cluster(connect(kubeconfig or shop.cluster.kubeconfig(ANALYST)))
        self._ports = Ports(
            cluster=self._cluster,
            events=EventRecorder(self._cluster, instance="test", controller="podvigil.io/analyst"),
            metrics=MonitorMetrics(self.metrics),
            settings=Settings(),
            model_directory=Path(),
            scorer=ThreadPoolExecutor(1),
            clock=lambda: datetime.now(UTC),
            beat=lambda name: None,
            retire=lambda name: None,
            lookout=Lookout(self._cluster, 0.0),
            user_name=ANALYST,
        )
        metadata = workload["metadata"]
        self._workload = Workload("apps/v1", "Deployment", shop.namespace, metadata["name"], metadata["uid"])
        self._incident: Incident | None = None
        self._ahead = timedelta(seconds=ahead_seconds)
        monitor = self._monitor()
        self._reporter = Reporter(self._ports, shop.monitor)
        self._proposer = Proposer(self._ports, self._reporter, memory_of(monitor.status))
        self._teller = Teller(monitor, self._ports)

    def __enter__(self) -> Self:
        self._runner.run(self._reporter.load(self._now()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._cluster.aclose())
        self._runner.close()

    def trouble(self) -> dict[str, Any]:
        """A new episode begins; returns the report after the tick."""
        # After whatever ended in this second: a detector takes longer to be sure.
        since = self._now().replace(microsecond=0) + timedelta(seconds=1)
        pod = PodKey(self._shop.namespace, "busy")
        finding = Finding(pod, self._workload, Signal.CPU_HIGH, True, 0.95, score=9.0, explanation=(BUSY,))
        self._incident = Incident(
            self._workload, Signal.CPU_HIGH, since, since, since, since, findings=(finding,), evaluated=3
        )
        return self.tick()

    def calm(self) -> dict[str, Any]:
        """The episode is over; returns the report."""
        assert self._incident is not None
        over, self._incident = self._incident, None
        self._ahead += timedelta(seconds=1)  # judged later than the change, to the second
        return self._tick(Step({}, closed=(replace(over, findings=(), last_evaluated=self._now()),)))

    def quiet(self) -> dict[str, Any]:
        """A tick in which nothing is found; returns the report."""
        return self._tick(Step({}))

    def tick(self, later: timedelta = timedelta(0)) -> dict[str, Any]:
        """The trouble is still there, so much later by the analyst's clock; returns the report."""
        assert self._incident is not None
        self._ahead += later
        seen = self._now()
        self._incident = replace(self._incident, last_seen=seen, last_evaluated=seen)
        return self._tick(Step({self._incident.key: self._incident}))

    def outcomes(self) -> dict[str, dict[str, Any]]:
        """What the monitor's status has learnt, by action."""
        found = self._monitor().status.outcomes or ()
        return {count.action: count.dump() for count in found}

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def _tick(self, step: Step) -> dict[str, Any]:
        self._runner.run(self._work(step, self._now()))
        (report,) = self._shop.all("anomalyreport")
        return report

    async def _work(self, step: Step, now: datetime) -> None:
        monitor = self._monitor()
        await self._reporter.write(step, threshold=3.0, interval=timedelta(seconds=5), cap=10, now=now)
        await self._proposer.propose(step, monitor, now)
        facts = TickFacts(
            watched=10, scored=10, threshold=3.0, ticks_since_change=9, memory=self._proposer.memory
        )
        await self._teller.tell(monitor, facts, now)

    def _monitor(self) -> AnomalyMonitor:
        return AnomalyMonitor.model_validate(self._shop.get("anomalymonitor", self._shop.monitor))


def proposed(shop: Shop, report: dict[str, Any]) -> tuple[str, str]:
    """The request that answers a report, and its action."""
    assert condition(report, "Proposed") == "True RequestProposed", message(report, "Proposed")
    name = report["status"]["request"]["name"]
    return name, shop.get("remreq", name)["spec"]["plan"]["action"]


def carry_out(shop: Shop, analyst: Analyst, request: str, *, helps: bool) -> None:
    """A person approves; the change is made, and judged."""
    shop.wait(request, "Preflighted", "True")
    shop.decide(request)
    shop.wait(request, "Executed", "True")
    shop.wait(request, "Validated", "Unknown Validating")
    # A steady report is written every half minute only.
    report = analyst.calm() if helps else analyst.tick(REFRESH)
    assert condition(report, "Active").startswith("False" if helps else "True")
    ended = shop.wait_end(request)
    assert ended["Succeeded"] == ("True Succeeded" if helps else "False Ineffective")


def test_a_restart_loop_that_succeeds_is_counted_as_failing_and_escalates(shop: Shop) -> None:
    workload = shop.deploy("web", 3)
    shop.set_rules(allowedActions=["Restart"])
    with Analyst(shop, workload) as analyst:
        for _ in range(2):
            request, action = proposed(shop, analyst.trouble())
            assert action == "Restart"
            carry_out(shop, analyst, request, helps=True)
        report = analyst.trouble()
        restart = analyst.outcomes()["Restart"]
        assert (restart["attempts"], restart["succeeded"], restart["recurred"]) == (2, 0, 2)
        assert restart["failuresInARow"] == 2
        assert condition(report, "Proposed") == "False Recurring"
        assert "A person must look" in message(report, "Proposed")
        shop.set_rules()  # Scale is allowed, too
        left, action = proposed(shop, analyst.tick(2 * ASK_AGAIN))
        assert action == "Scale"
        # Else no second question would be asked.
        shop.patch("remreq", left, {"spec": {"cancellation": {"requestedBy": "alice"}}}, user="alice")
        assert shop.wait_end(left)["Succeeded"] == "False Cancelled"
        told = {"monitor": shop.monitor, "action": "Restart", "signal": "CPUHigh"}
        for outcome in ("Succeeded", "Recurring"):
            counted = analyst.metrics.get_sample_value(
                "podvigil_action_outcomes_total", {**told, "outcome": outcome}
            )
            assert counted == 2

    # A process that starts anew counts none twice, and a person's no outlives the episode.
    with Analyst(shop, workload, ahead_seconds=60) as analyst:
        scale, _ = proposed(shop, analyst.trouble())
        assert analyst.outcomes()["Restart"]["attempts"] == 2
        shop.decide(scale, "Denied")
        assert shop.wait_end(scale)["Succeeded"] == "False Denied"
        assert proposed(shop, analyst.tick(2 * FOLLOW_UP))[0] == scale, (
            "nothing more is asked in this episode"
        )
        analyst.calm()
        report = analyst.trouble()
        assert condition(report, "Proposed") == "False Recurring"
        assert "a person said no to Scale" in message(report, "Proposed")
        assert "A person must look" in message(report, "Proposed")
        assert (
            len(shop.all("remreq")) == 4
        )  # two restarts, a Scale that was cancelled, and one that was denied

    # And it outlives the requests, which go with their report.
    shop.kubectl("delete", "anomalyreport,remreq", "--all")
    with Analyst(shop, workload, ahead_seconds=300) as analyst:
        report = analyst.trouble()
        assert condition(report, "Proposed") == "False Recurring"
        assert analyst.outcomes()["Scale"]["denied"] == 1
        assert shop.all("remreq") == []


def test_what_did_not_help_is_followed_by_the_next_action_in_the_same_episode(shop: Shop) -> None:
    with Analyst(shop, shop.deploy("web", 3)) as analyst:
        restart, _ = proposed(shop, analyst.trouble())
        carry_out(shop, analyst, restart, helps=False)
        report = analyst.tick(2 * FOLLOW_UP)
        scale, action = proposed(shop, report)
        assert (action, report["status"]["count"]) == ("Scale", 1)
        shop.wait(scale, "Preflighted", "True")
        carry_out(shop, analyst, scale, helps=False)
        report = analyst.tick(4 * FOLLOW_UP)
        assert condition(report, "Proposed") == "False NoActionKnown"
        assert "Restart, Scale did not help" in message(report, "Proposed")
        assert shop.get("deployment", "web")["spec"]["replicas"] == 3, "put back"


def test_a_target_that_was_changed_while_its_request_waited_is_asked_about_anew(shop: Shop) -> None:
    workload = shop.deploy("web", 3)
    shop.set_rules(allowedActions=["Restart"])
    with Analyst(shop, workload) as analyst:
        report = analyst.trouble()
        stale, _ = proposed(shop, report)
        assert message(report, "Proposed") == f"RemediationRequest {stale} waits for a decision"
        shop.wait(stale, "Preflighted", "True")
        shop.patch("deployment", "web", {"spec": {"template": {"metadata": {"labels": {"release": "two"}}}}})
        assert shop.wait_end(stale)["Succeeded"] == "False Refused"
        shop.rolled(workload)
        report = analyst.tick(FOLLOW_UP)
        assert condition(report, "Proposed") == "False StaleTarget", "not at once"
        assert f"RemediationRequest {stale} ended Refused: StaleTarget: " in message(report, "Proposed")
        again, action = proposed(shop, analyst.tick(FIRST_PAUSE))
        assert (again != stale, action) == (True, "Restart")
        assert (
            f"Asked again: RemediationRequest {stale} ended"
            in shop.get("remreq", again)["spec"]["plan"]["message"]
        )
        assert analyst.outcomes() == {}, "nothing was tried"
        carry_out(shop, analyst, again, helps=True)


def test_what_cannot_be_carried_out_is_withheld_and_proposed_when_it_can(shop: Shop) -> None:
    workload = shop.deploy("web", 3, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    budget = {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}
    metadata = {"name": "web", "namespace": shop.namespace}
    shop.apply(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget}
    )
    with Analyst(shop, workload) as analyst:
        shop.set_rules(allowedActions=["Restart"], minimumAvailable=3)
        report = analyst.trouble()
        assert condition(report, "Proposed") == "False ReplicaFloor"
        assert "Restart is withheld: 2 of 3 pods" in message(report, "Proposed")
        assert "PodDisruptionBudget web allows 0" in message(report, "Proposed"), "everything is said at once"
        assert shop.all("remreq") == []
        shop.set_rules(allowedActions=["Restart"])
        assert condition(analyst.tick(2 * ASK_AGAIN), "Proposed") == "False BudgetBlocks"
        shop.patch("pdb", "web", {"spec": {"minAvailable": 2}})
        shop.until(
            lambda: shop.get("pdb", "web")["status"]["disruptionsAllowed"] == 1, "the budget has room for one"
        )
        assert proposed(shop, analyst.tick(2 * ASK_AGAIN))[1] == "Restart"


def test_what_the_analyst_may_not_look_at_withholds_the_proposal_and_is_told(
    shop: Shop, tmp_path: Path
) -> None:
    """A Role of an older version: nothing is proposed blindly, and the report says which right is missing."""
    workload, cluster = shop.deploy("web", 3), shop.cluster
    forbidden = {"kind": "Status", "apiVersion": "v1", "reason": "Forbidden", "message": "no such right"}
    with FaultProxy(cluster.url, ca_file=cluster.ca_file) as proxy:
        proxy.add(Rule(Status(403, forbidden), "GET", "/poddisruptionbudgets"))
        kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", cluster.token(ANALYST))
        with Analyst(shop, workload, kubeconfig=kubeconfig) as analyst:
            report = analyst.trouble()
            assert condition(report, "Proposed") == "False PermissionMissing"
            assert "poddisruptionbudgets" in message(report, "Proposed")
            assert shop.all("remreq") == []
            proxy.clear()
            assert proposed(shop, analyst.tick(2 * ASK_AGAIN_BY))[1] == "Restart"


def test_a_report_that_cannot_be_closed_is_closed_at_the_next_tick(shop: Shop, tmp_path: Path) -> None:
    """Else it would be active until the process starts anew: a false alarm, and every repair `Ineffective`."""
    workload, cluster = shop.deploy("web", 3), shop.cluster
    with FaultProxy(cluster.url, ca_file=cluster.ca_file) as proxy:
        kubeconfig = proxy.kubeconfig(tmp_path / "kubeconfig", cluster.token(ANALYST))
        with Analyst(shop, workload, kubeconfig=kubeconfig) as analyst:
            analyst.trouble()
            proxy.add(Rule(Status(503), "PATCH", "/anomalyreports/"))
            assert condition(analyst.calm(), "Active").startswith("True")
            proxy.clear()
            assert condition(analyst.quiet(), "Active") == "False AnomalyGone"
            proxy.add(Rule(Status(503), "PATCH", "/anomalyreports/"))
            analyst.trouble()
            analyst.calm()
            proxy.clear()
            assert condition(analyst.trouble(), "Active").startswith("True"), (
                "it is back before it was closed"
            )
            assert condition(analyst.tick(), "Active").startswith("True")
