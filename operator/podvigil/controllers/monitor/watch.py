"""One AnomalyMonitor at work: what it remembers between ticks, and the tick itself.

`Watch.tick` is the whole way of the data on one screen: select, place, look, judge, report, propose, tell.
"""

import asyncio
import logging
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.durations import parse_duration
from podvigil.api.monitor import AnomalyMonitor, MonitorStatus
from podvigil.api.reasons import Reason
from podvigil.cluster.errors import BadRequest, ClusterError, Unavailable
from podvigil.controllers.monitor.evaluation import Evaluation, Sight
from podvigil.controllers.monitor.judge import (
    RestartCounts,
    affected_pods,
    clear_after,
    container_facts,
    count_pods,
    ended_workloads,
    unjudged_pods,
)
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.monitor.proposer import Proposer
from podvigil.controllers.monitor.reporter import Reporter
from podvigil.controllers.monitor.select import Selection, select_pods
from podvigil.controllers.monitor.status import TickFacts, Trouble
from podvigil.controllers.monitor.teller import Teller
from podvigil.detect.findings import Finding, Observation
from podvigil.detect.incidents import Incident, IncidentKey, IncidentRules, Step, step
from podvigil.detect.signals import certain_findings, recent
from podvigil.remediate.validation.outcomes import memory_of

logger = logging.getLogger(__name__)

CHORES_EVERY: Final = timedelta(minutes=1)
"""How often expired reports are deleted and outcomes are counted."""


class Watch:
    """The state of one monitor. Used by one timer, which never overlaps itself."""

    def __init__(self, monitor: AnomalyMonitor, ports: Ports) -> None:
        self._ports = ports
        self.monitor = monitor
        self.name = str(monitor.metadata["name"])
        self._evaluation = Evaluation(monitor.spec, ports)
        self._reporter = Reporter(ports, self.name)
        self._proposer = Proposer(ports, self._reporter, memory_of(monitor.status))
        self._teller = Teller(monitor, ports)
        self._restarts = RestartCounts()
        self._incidents: dict[IncidentKey, Incident] | None = None
        self._chores_at: datetime | None = None
        self._missed = 0
        self._ticks_since_change = 0
        self._figures = MonitorStatus()
        """What the guards ask of the last tick: the status that the API server has is one behind."""
        self._model = self._evaluation.model
        self._ticking = asyncio.Lock()
        self._reporting = asyncio.Lock()
        self._is_closed = False

    def adopt(self, monitor: AnomalyMonitor) -> None:
        """Take a changed monitor; what is remembered stays, unless the change makes it meaningless."""
        if monitor.spec.detection != self.monitor.spec.detection:
            self._ticks_since_change = 0
        self.monitor = monitor
        self._evaluation.adopt(monitor.spec)

    async def tick(self, now: datetime, missed: int) -> None:
        """Evaluate the monitor once. Trouble outside becomes a condition; only a bug raises."""
        async with self._ticking:
            await self._tick(now, missed)
        if self._is_closed:
            self._evaluation.close()

    async def _tick(self, now: datetime, missed: int) -> None:
        started = time.monotonic()
        self._missed += missed
        selection = await self._select(now)
        if isinstance(selection, Trouble):
            # Nothing was judged: what lasts too long without a judgement says so in its report.
            unseen = Step(self._incidents or {})
            await self._report(unseen, None, now)
            active = sum(i.is_open for i in unseen.incidents.values())
            # The storm guard goes by these: what was not seen at this tick is as it was at the last.
            facts = TickFacts(
                spec_trouble=selection,
                watched=self._figures.pods_watched or 0,
                pods_affected=self._figures.pods_affected or 0,
                workloads_affected=self._figures.workloads_affected or 0,
                active=active,
            )
        else:
            facts = await self._evaluate(selection, now, missed)
        if self._is_closed:
            return
        facts = replace(
            facts,
            duration_seconds=time.monotonic() - started,
            model=self._evaluation.model,
            missed=self._missed,
            history_days=self._evaluation.history_days,
            window=self._ports.settings.maximum_pods,
            ticks_since_change=self._ticks_since_change,
            memory=self._proposer.memory,
        )
        await self._teller.tell(self.monitor, facts, now)
        if isinstance(selection, Selection):
            await self._evaluation.recall(selection)
        self._ports.beat(self.name)

    async def close(self, now: datetime) -> None:
        """End in order when the monitor is deleted, even before its first tick.

        A tick under way may still be looking; it will find the monitor closed and report nothing more.
        Raises: ClusterError while a report cannot be closed; another call goes on with what is left.
        """
        self._is_closed = True
        async with self._reporting:
            if self._incidents is None:
                self._incidents = dict(await self._reporter.load(now))
            message = f"AnomalyMonitor {self.name} was deleted"
            await self._reporter.close_all(self._incidents.values(), Reason.MONITOR_DELETED, message, now)
        if not self._ticking.locked():
            self._evaluation.close()
        self._ports.metrics.forget(self.name)

    async def _select(self, now: datetime) -> Selection | Trouble:
        """Ask the API server which pods are meant; the first time, take over the open incidents too."""
        try:
            if self._incidents is None:
                self._incidents = dict(await self._reporter.load(now))
            return await select_pods(self._ports.cluster, self.monitor.spec)
        except BadRequest as error:
            return Trouble(Reason.INVALID_SELECTOR, f"the API server refuses a selector: {error}")
        except Unavailable as error:
            return Trouble(Reason.API_SERVER_UNAVAILABLE, str(error))
        except ClusterError as error:
            return Trouble(Reason.API_SERVER_REFUSED, str(error))

    async def _evaluate(self, selection: Selection, now: datetime, missed: int) -> TickFacts:
        without_room = self._evaluation.place(selection, missed)
        spec_trouble = None
        if selection.running:
            sight = await self._evaluation.look(selection, now)
        else:
            sight, spec_trouble = Sight(), Trouble(Reason.NOTHING_SELECTED, _nothing_selected(selection))
        verdict = sight.verdict
        found = await self._evaluation.foresee(self._found(sight, selection, now), selection)
        done = self._judge(found, sight, selection, now)
        affected = affected_pods(selection, done.incidents, now)
        if self._evaluation.model != self._model:
            self._model, self._ticks_since_change = self._evaluation.model, 0
        if spec_trouble is None and sight.trouble is None:
            self._ticks_since_change += 1
        watched, workloads = len(self._evaluation.rows), len(set(affected.values()))
        self._figures = MonitorStatus(
            pods_watched=watched,
            pods_affected=len(affected),
            workloads_affected=workloads,
            ticks_since_change=self._ticks_since_change,
        )
        await self._report(done, verdict.threshold if verdict else None, now)
        return TickFacts(
            spec_trouble=spec_trouble,
            source_trouble=sight.trouble,
            watched=watched,
            scored=int(verdict.known.sum()) if verdict else 0,
            without_room=without_room,
            pods_affected=len(affected),
            workloads_affected=workloads,
            active=sum(i.is_open for i in done.incidents.values()),
            held_back=self._reporter.held_back,
            threshold=verdict.threshold if verdict else None,
        )

    def _found(self, sight: Sight, selection: Selection, now: datetime) -> tuple[Finding, ...]:
        """Return the pods in trouble: certain signals first, which never wait for a score."""
        lately = recent(parse_duration(self.monitor.spec.interval))
        restarts = self._restarts.observe(selection, sight.restarts, now, lately)
        facts = container_facts(selection, restarts, sight.throttled)
        found = certain_findings(facts, now=now, lately=lately)
        found += sight.volumes.findings
        if sight.verdict is not None:
            found += self._evaluation.findings(sight.verdict)
        return found

    def _judge(self, found: tuple[Finding, ...], sight: Sight, selection: Selection, now: datetime) -> Step:
        """Let the rules say what this tick means."""
        incidents = self._incidents or {}
        scored, running = count_pods(incidents, found, sight.verdict, selection, self._evaluation.rows)
        existing = frozenset(workload.uid for workload in selection.workloads.values())
        spec = self.monitor.spec
        minimum = parse_duration(spec.detection.minimum_duration)
        rules = IncidentRules(minimum, clear_after(parse_duration(spec.interval), minimum))
        seen = Observation(
            found,
            scored=scored,
            running=running,
            with_volumes=sight.volumes.judged,
            existing=existing,
            unjudged=unjudged_pods(
                incidents.values(),
                found,
                sight.verdict,
                selection,
                self._evaluation.rows,
                sight.volumes.pods,
            ),
            ended=ended_workloads(incidents.values(), selection),
            unmounted=existing - sight.volumes.judged.keys() if sight.volumes.answered else frozenset(),
            rollouts=selection.rollouts,
        )
        done = step(incidents, seen, now=now, rules=rules)
        self._incidents = dict(done.incidents)
        return done

    async def _report(self, done: Step, threshold: float | None, now: datetime) -> None:
        """Bring reports and requests in step with the incidents, unless the monitor was closed meanwhile."""
        async with self._reporting:
            if not self._is_closed:
                await self._write(done, threshold, now)

    async def _write(self, done: Step, threshold: float | None, now: datetime) -> None:
        spec = self.monitor.spec
        interval, cap = parse_duration(spec.interval), spec.reports.maximum_active
        await self._reporter.write(done, threshold=threshold, interval=interval, cap=cap, now=now)
        monitor = self.monitor.model_copy(update={"status": self._figures})
        await self._proposer.propose(done, monitor, now)
        if self._chores_at is not None and now - self._chores_at < CHORES_EVERY:
            return
        self._chores_at = now
        try:
            await self._proposer.learn(self.monitor)
        except ClusterError as error:
            logger.warning("Cannot count outcomes", extra={"monitor": self.name, "why": str(error)})
        # After it, since requests go with their reports.
        await self._reporter.expire(parse_duration(spec.reports.ttl), now)


def _nothing_selected(selection: Selection) -> str:
    if not selection.namespaces:
        return "spec.namespaceSelector matches no namespace"
    names = ", ".join(selection.namespaces[:5])
    return f"no running pod is selected in {len(selection.namespaces)} namespace(s): {names}"
